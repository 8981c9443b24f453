"""The site server: arrivals, rosters, tickets, reports and the administrator's board of one site."""
