/*
 * PC/SC driver (IFD handler 3.0, pcsc-lite's ifdhandler.h) of a reader that takes SDT frames in control calls.
 *
 * DEVICENAME is "/dev/null:PORT:PREFIX:FEATURE". The driver listens on loopback TCP PORT like vsmartcard's vpcd and
 * speaks its protocol: a connected client is a card that lies there; messages are a big-endian length of two bytes and
 * a body, a body of one byte is control (0 off, 1 on, 2 reset, 4 asks for the ATR). An escape goes to the client when it
 * starts with the bytes PREFIX (hex), without them; the answer comes back behind the same bytes. FEATURE is the control
 * code (hex) offered as CCID_ESC_COMMAND; 0 offers none and takes SCARD_CTL_CODE(1). A second reader needs a second
 * copy of the library: its state is static.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <ifdhandler.h>
#include <reader.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define MAX_PREFIX 16
#define MAX_MESSAGE 65535
#define USUAL_ESCAPE SCARD_CTL_CODE(1)
#define IFD_VERSION 0x01230004u /* 1.23, build 4 */

enum control { POWER_OFF, POWER_ON, RESET, GET_ATR = 4 };

static int listening = -1;
static int card = -1;
static unsigned char prefix[MAX_PREFIX];
static size_t prefix_length;
static unsigned long feature_code;
static UCHAR atr[MAX_ATR_SIZE];
static DWORD atr_length;
static UCHAR message[MAX_MESSAGE];

static void drop_card(void)
{
    if (card >= 0)
        close(card);
    card = -1;
    atr_length = 0;
}

static int send_message(const UCHAR *body, size_t length)
{
    UCHAR frame[2 + MAX_MESSAGE];

    if (length > MAX_MESSAGE)
        return -1;
    frame[0] = (UCHAR)(length >> 8);
    frame[1] = (UCHAR)length;
    memcpy(frame + 2, body, length);
    return send(card, frame, length + 2, MSG_NOSIGNAL) == (ssize_t)(length + 2) ? 0 : -1;
}

static int receive(UCHAR *buffer, size_t length)
{
    while (length > 0) {
        ssize_t count = recv(card, buffer, length, 0);
        if (count <= 0)
            return -1;
        buffer += count;
        length -= (size_t)count;
    }
    return 0;
}

/* Send a body and receive the answer into "message"; its length, or -1 when the card is gone. */
static long exchange(const UCHAR *body, size_t length)
{
    UCHAR head[2];
    size_t answer_length;

    if (card < 0 || send_message(body, length) < 0 || receive(head, sizeof head) < 0)
        goto gone;
    answer_length = (size_t)head[0] << 8 | head[1];
    if (receive(message, answer_length) < 0)
        goto gone;
    return (long)answer_length;
gone:
    drop_card();
    return -1;
}

static int command(enum control code)
{
    UCHAR body = (UCHAR)code;

    return card < 0 ? -1 : send_message(&body, 1);
}

static void read_prefix(const char *hex)
{
    unsigned int byte;

    for (prefix_length = 0; prefix_length < MAX_PREFIX && sscanf(hex, "%2x", &byte) == 1; hex += 2)
        prefix[prefix_length++] = (unsigned char)byte;
}

RESPONSECODE IFDHCreateChannelByName(DWORD Lun, LPSTR DeviceName)
{
    char hex[2 * MAX_PREFIX + 1] = "";
    unsigned int port;
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET};

    (void)Lun;
    if (sscanf(DeviceName, "/dev/null:%u:%32[0-9A-F-]:%lx", &port, hex, &feature_code) != 3)
        return IFD_NO_SUCH_DEVICE;
    read_prefix(hex);
    listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listening, (struct sockaddr *)&address, sizeof address) < 0 || listen(listening, 1) < 0)
        return IFD_COMMUNICATION_ERROR;
    return IFD_SUCCESS;
}

RESPONSECODE IFDHCreateChannel(DWORD Lun, DWORD Channel)
{
    (void)Lun;
    (void)Channel;
    return IFD_NOT_SUPPORTED;
}

RESPONSECODE IFDHCloseChannel(DWORD Lun)
{
    (void)Lun;
    drop_card();
    if (listening >= 0)
        close(listening);
    listening = -1;
    return IFD_SUCCESS;
}

RESPONSECODE IFDHICCPresence(DWORD Lun)
{
    UCHAR byte;

    (void)Lun;
    if (card < 0)
        card = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    else if (recv(card, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
        drop_card();
    return card < 0 ? IFD_ICC_NOT_PRESENT : IFD_ICC_PRESENT;
}

RESPONSECODE IFDHPowerICC(DWORD Lun, DWORD Action, PUCHAR Atr, PDWORD AtrLength)
{
    UCHAR ask = GET_ATR;
    long length;

    (void)Lun;
    *AtrLength = 0;
    atr_length = 0;
    if (Action == IFD_POWER_DOWN)
        return command(POWER_OFF) < 0 ? IFD_COMMUNICATION_ERROR : IFD_SUCCESS;
    if (command(Action == IFD_RESET ? RESET : POWER_ON) < 0)
        return IFD_COMMUNICATION_ERROR;
    length = exchange(&ask, 1);
    if (length <= 0 || length > MAX_ATR_SIZE)
        return IFD_ERROR_POWER_ACTION;
    atr_length = (DWORD)length;
    memcpy(atr, message, atr_length);
    memcpy(Atr, atr, atr_length);
    *AtrLength = atr_length;
    return IFD_SUCCESS;
}

RESPONSECODE IFDHTransmitToICC(DWORD Lun, SCARD_IO_HEADER SendPci, PUCHAR TxBuffer, DWORD TxLength, PUCHAR RxBuffer,
                               PDWORD RxLength, PSCARD_IO_HEADER RecvPci)
{
    long length = exchange(TxBuffer, TxLength);

    (void)Lun;
    RecvPci->Protocol = SendPci.Protocol;
    if (length < 0 || (DWORD)length > *RxLength) {
        *RxLength = 0;
        return length < 0 ? IFD_ICC_NOT_PRESENT : IFD_ERROR_INSUFFICIENT_BUFFER;
    }
    memcpy(RxBuffer, message, (size_t)length);
    *RxLength = (DWORD)length;
    return IFD_SUCCESS;
}

static RESPONSECODE list_features(PUCHAR RxBuffer, DWORD RxLength, LPDWORD returned)
{
    PCSC_TLV_STRUCTURE feature = {FEATURE_CCID_ESC_COMMAND, sizeof feature.value, htonl((uint32_t)feature_code)};

    if (feature_code == 0)
        return IFD_ERROR_NOT_SUPPORTED;
    if (RxLength < sizeof feature)
        return IFD_ERROR_INSUFFICIENT_BUFFER;
    memcpy(RxBuffer, &feature, sizeof feature);
    *returned = sizeof feature;
    return IFD_SUCCESS;
}

RESPONSECODE IFDHControl(DWORD Lun, DWORD dwControlCode, PUCHAR TxBuffer, DWORD TxLength, PUCHAR RxBuffer,
                         DWORD RxLength, LPDWORD pdwBytesReturned)
{
    long length;

    (void)Lun;
    *pdwBytesReturned = 0;
    if (dwControlCode == CM_IOCTL_GET_FEATURE_REQUEST)
        return list_features(RxBuffer, RxLength, pdwBytesReturned);
    if (dwControlCode != (feature_code ? feature_code : USUAL_ESCAPE))
        return IFD_ERROR_NOT_SUPPORTED;
    if (TxLength < prefix_length || memcmp(TxBuffer, prefix, prefix_length) != 0)
        return IFD_COMMUNICATION_ERROR;
    length = exchange(TxBuffer + prefix_length, TxLength - prefix_length);
    if (length < 0)
        return IFD_COMMUNICATION_ERROR;
    if (prefix_length + (size_t)length > RxLength)
        return IFD_ERROR_INSUFFICIENT_BUFFER;
    memcpy(RxBuffer, prefix, prefix_length);
    memcpy(RxBuffer + prefix_length, message, (size_t)length);
    *pdwBytesReturned = prefix_length + (DWORD)length;
    return IFD_SUCCESS;
}

static RESPONSECODE tell(const void *value, DWORD length, PDWORD Length, PUCHAR Value)
{
    if (*Length < length)
        return IFD_ERROR_INSUFFICIENT_BUFFER;
    memcpy(Value, value, length);
    *Length = length;
    return IFD_SUCCESS;
}

RESPONSECODE IFDHGetCapabilities(DWORD Lun, DWORD Tag, PDWORD Length, PUCHAR Value)
{
    static const UCHAR one = 1;
    static const uint32_t version = IFD_VERSION;

    (void)Lun;
    switch (Tag) {
    case TAG_IFD_ATR:
    case SCARD_ATTR_ATR_STRING:
        return tell(atr, atr_length, Length, Value);
    case TAG_IFD_SLOTS_NUMBER:
    case TAG_IFD_SIMULTANEOUS_ACCESS:
        return tell(&one, sizeof one, Length, Value);
    case SCARD_ATTR_VENDOR_IFD_VERSION:
        return tell(&version, sizeof version, Length, Value);
    default:
        return IFD_ERROR_TAG;
    }
}

RESPONSECODE IFDHSetCapabilities(DWORD Lun, DWORD Tag, DWORD Length, PUCHAR Value)
{
    (void)Lun;
    (void)Tag;
    (void)Length;
    (void)Value;
    return IFD_NOT_SUPPORTED;
}

RESPONSECODE IFDHSetProtocolParameters(DWORD Lun, DWORD Protocol, UCHAR Flags, UCHAR PTS1, UCHAR PTS2, UCHAR PTS3)
{
    (void)Lun;
    (void)Protocol;
    (void)Flags;
    (void)PTS1;
    (void)PTS2;
    (void)PTS3;
    return IFD_SUCCESS;
}
