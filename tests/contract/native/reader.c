/* Stands in for a vendor's reader library: the SDT_*, Syn_* or CVR_* functions over a SAM at the other end of the Unix
 * socket SAM_SOCKET. What the file SAM_FAULT says goes wrong once, in the next reading of a card.
 *
 * Compile with -DSDT, -DSYN or -DCVR; -DWITHOUT_SELECT leaves a function out. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { SUCCESS = 0x90, FOUND = 0x9F, NO_CARD = 0x80, SELECT_FAILED = 0x81 };
enum { PORT_FAILED = 1, TIMED_OUT = 2, DAMAGED = 3 };
enum { FIRST_BYTE_MS = 30000, NEXT_BYTE_MS = 300 };

static int line = -1;
static unsigned char reply[4096];
static int reply_length;

static void hang_up(void)
{
    if (line >= 0)
        close(line);
    line = -1;
}

/* The byte that comes next, or minus the error. */
static int next_byte(int limit_ms)
{
    struct pollfd waiting = {line, POLLIN, 0};
    unsigned char byte;
    if (poll(&waiting, 1, limit_ms) != 1)
        return -TIMED_OUT;
    if (recv(line, &byte, 1, 0) != 1) {
        hang_up();
        return -PORT_FAILED;
    }
    return byte;
}

/* Send a command; return SW3 and leave the data in reply, or return an error. */
static int ask(unsigned char command, unsigned char parameter)
{
    static const unsigned char preamble[5] = {0xAA, 0xAA, 0xAA, 0x96, 0x69};
    unsigned char frame[10] = {0xAA, 0xAA, 0xAA, 0x96, 0x69, 0, 3, command, parameter, 3 ^ command ^ parameter};
    unsigned char seen[5] = {0}, checksum = 0, sw3 = 0;
    int byte, length = 0;
    while (line >= 0 && recv(line, reply, sizeof reply, MSG_DONTWAIT) > 0)
        ;
    if (line < 0 || send(line, frame, sizeof frame, MSG_NOSIGNAL) != sizeof frame)
        return PORT_FAILED;
    for (int limit = FIRST_BYTE_MS; memcmp(seen, preamble, 5) != 0; limit = NEXT_BYTE_MS) {
        memmove(seen, seen + 1, 4);
        if ((byte = next_byte(limit)) < 0)
            return -byte;
        seen[4] = (unsigned char)byte;
    }
    reply_length = 0;
    for (int index = 0; index < 2 || index < 2 + length; index++) {
        if ((byte = next_byte(NEXT_BYTE_MS)) < 0)
            return -byte;
        checksum ^= (unsigned char)byte;
        if (index < 2)
            length = length << 8 | byte;
        else if (index == 4)
            sw3 = (unsigned char)byte;
        else if (index > 4 && index < 1 + length && reply_length < (int)sizeof reply)
            reply[reply_length++] = (unsigned char)byte;
    }
    return checksum ? DAMAGED : sw3;
}

static int open_port(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    hang_up();
    strncpy(address.sun_path, getenv("SAM_SOCKET"), sizeof address.sun_path - 1);
    line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(line, (struct sockaddr *)&address, sizeof address) != 0 || ask(0x11, 0xFF) != SUCCESS) {
        hang_up();
        return PORT_FAILED;
    }
    return SUCCESS;
}

static void go_wrong(unsigned char *text, unsigned int *text_length)
{
    char fault[32] = "";
    FILE *stream = fopen(getenv("SAM_FAULT"), "r");
    if (stream == NULL)
        return;
    if (fgets(fault, sizeof fault, stream) == NULL)
        fault[0] = 0;
    fclose(stream);
    unlink(getenv("SAM_FAULT"));
    if (strcmp(fault, "hang") == 0)
        for (;;)
            pause();
    if (strcmp(fault, "fork and hang") == 0) {
        fork();
        for (;;)
            pause();
    }
    if (strcmp(fault, "crash") == 0)
        raise(SIGSEGV);
    if (strcmp(fault, "abort") == 0)
        abort();
    if (strcmp(fault, "exit") == 0)
        exit(0);
    if (strcmp(fault, "print") == 0) {
        printf("name, number and address\n");
        fflush(stdout);
        fprintf(stderr, "name, number and address\n");
    }
    if (strcmp(fault, "overrun") == 0)
        memset(text, 0xAA, 64 << 20);
    if (strcmp(fault, "claim") == 0)
        *text_length = 1000000;
    if (strcmp(fault, "litter") == 0 && (stream = fopen(getenv("SAM_LITTER"), "w")) != NULL) {
        fputs("name, number and address\n", stream);
        fclose(stream);
    }
}

static int read_base(unsigned char *text, unsigned int *text_length, unsigned char *photo, unsigned int *photo_length)
{
    int status = ask(0x30, 0x01);
    if (status != SUCCESS)
        return status;
    *text_length = (unsigned)(reply[0] << 8 | reply[1]);
    *photo_length = (unsigned)(reply[2] << 8 | reply[3]);
    memcpy(text, reply + 4, *text_length);
    memcpy(photo, reply + 4 + *text_length, *photo_length);
    go_wrong(text, text_length);
    return status;
}

#ifdef CVR

int CVR_InitComm(int port)
{
    (void)port;
    return open_port() == SUCCESS;
}

int CVR_CloseComm(void)
{
    hang_up();
    return 1;
}

int CVR_Authenticate(void)
{
    int status = ask(0x20, 0x01);
    if (status == FOUND)
        status = ask(0x20, 0x02);
    return status == SUCCESS ? 1 : status == NO_CARD ? 2 : status == SELECT_FAILED ? 3 : 0;
}

int CVR_ReadBaseMsg(unsigned char *text, unsigned int *text_length, unsigned char *photo, unsigned int *photo_length,
                    int mode)
{
    return mode == 1 && read_base(text, text_length, photo, photo_length) == SUCCESS;
}

int CVR_GetSAMID(unsigned char *id)
{
    unsigned int number[3];
    if (ask(0x12, 0xFF) != SUCCESS || reply_length != 16)
        return 0;
    memcpy(number, reply + 4, sizeof number);
    sprintf((char *)id, "%02u.%02u-%08u-%010u-%010u", reply[0], reply[2], number[0], number[1], number[2]);
    return 1;
}

#else

#ifdef SYN
#define NAME(name) Syn_##name
static int code(int status)
{
    return status == SUCCESS || status == FOUND ? 0 : status;
}
#else
#define NAME(name) SDT_##name
static int code(int status)
{
    return status;
}
#endif

static int copy(int status, unsigned char *data)
{
    if (status == SUCCESS || status == FOUND)
        memcpy(data, reply, (size_t)reply_length);
    return code(status);
}

int NAME(OpenPort)(int port)
{
    (void)port;
    return code(open_port());
}

int NAME(ClosePort)(int port)
{
    (void)port;
    hang_up();
    return code(SUCCESS);
}

int NAME(GetSAMStatus)(int port, int if_open)
{
    (void)port;
    return if_open ? PORT_FAILED : code(ask(0x11, 0xFF));
}

int NAME(GetSAMID)(int port, unsigned char *id, int if_open)
{
    (void)port;
    return if_open ? PORT_FAILED : copy(ask(0x12, 0xFF), id);
}

int NAME(StartFindIDCard)(int port, unsigned char *iin, int if_open)
{
    (void)port;
    return if_open ? PORT_FAILED : copy(ask(0x20, 0x01), iin);
}

#ifndef WITHOUT_SELECT
int NAME(SelectIDCard)(int port, unsigned char *sn, int if_open)
{
    (void)port;
    return if_open ? PORT_FAILED : copy(ask(0x20, 0x02), sn);
}
#endif

int NAME(ReadBaseMsg)(int port, unsigned char *text, unsigned int *text_length, unsigned char *photo,
                      unsigned int *photo_length, int if_open)
{
    (void)port;
    return if_open ? PORT_FAILED : code(read_base(text, text_length, photo, photo_length));
}

int NAME(ReadNewAppMsg)(int port, unsigned char *text, unsigned int *text_length, int if_open)
{
    int status;
    (void)port;
    if (if_open)
        return PORT_FAILED;
    status = ask(0x30, 0x03);
    *text_length = status == SUCCESS ? (unsigned)reply_length : 0;
    return copy(status, text);
}

int NAME(ReadIINSNDN)(int port, unsigned char *number, int if_open)
{
    (void)port;
    return if_open ? PORT_FAILED : copy(ask(0x30, 0x05), number);
}

#endif
