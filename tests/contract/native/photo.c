/* Stands in for a vendor's photo library. The blocks are the test's own: byte 16 says what to do with them, and the
 * picture is a gradient from byte 17 on, so that every block gives another one.
 *
 * Compile with -DMANGLED for unpack under its C++ name only. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WIDTH = 102, HEIGHT = 126, STRIDE = 308, HEAD = 54, RAW = WIDTH * HEIGHT * 3, BMP = HEAD + STRIDE * HEIGHT };
enum { GOOD, WRONG_SIZE, HANG, CRASH, ABORT, NOT_AUTHORISED, ONE_COLOUR, TOP_DOWN, PRINT, NOTHING, OVERRUN, GREEDY, EXIT };

static int misbehave(int what)
{
    switch (what) {
    case HANG:
        for (;;)
            pause();
    case CRASH:
        raise(SIGSEGV);
        break;
    case ABORT:
        abort();
    case EXIT:
        exit(0);
    case NOT_AUTHORISED:
        return -5;
    case PRINT:
        printf("a picture\n");
        fflush(stdout);
        fprintf(stderr, "a picture\n");
        break;
    case GREEDY:
        if (malloc((size_t)4 << 30) == NULL)
            return -1;
        break;
    }
    return 1;
}

static unsigned char value(const unsigned char *block, int row, int column, int channel)
{
    if (block[16] == ONE_COLOUR)
        return 77;
    return (unsigned char)(block[17] + row + (channel == 0 ? column : 0) + (channel == 2 ? 100 : 0));
}

static void pixels(const unsigned char *block, unsigned char *picture, int stride, int bottom_up)
{
    for (int row = 0; row < HEIGHT; row++)
        for (int column = 0; column < WIDTH; column++)
            for (int channel = 0; channel < 3; channel++)
                picture[(bottom_up ? HEIGHT - 1 - row : row) * stride + column * 3 + channel] =
                    value(block, row, column, channel);
}

static void number(unsigned char *place, int value, int size)
{
    for (int index = 0; index < size; index++)
        place[index] = (unsigned char)((unsigned)value >> 8 * index);
}

static void bitmap(const unsigned char *block, unsigned char *picture)
{
    int top_down = block[16] == TOP_DOWN;
    memset(picture, 0, BMP);
    memcpy(picture, "BM", 2);
    number(picture + 2, BMP, 4);
    number(picture + 10, HEAD, 4);
    number(picture + 14, 40, 4);
    number(picture + 18, block[16] == WRONG_SIZE ? WIDTH - 1 : WIDTH, 4);
    number(picture + 22, top_down ? -HEIGHT : HEIGHT, 4);
    number(picture + 26, 1, 2);
    number(picture + 28, 24, 2);
    pixels(block, picture + HEAD, STRIDE, !top_down);
}

static int by_file(const char *path)
{
    unsigned char block[1024], picture[BMP];
    char written[4096];
    int status;
    FILE *stream = fopen(path, "rb");
    if (stream == NULL || fread(block, 1, sizeof block, stream) != sizeof block)
        return -3;
    fclose(stream);
    if ((status = misbehave(block[16])) != 1 || block[16] == NOTHING)
        return status;
    strcpy(written, path);
    strcpy(strrchr(written, '.'), ".bmp");
    bitmap(block, picture);
    stream = fopen(written, "wb");
    fwrite(picture, 1, sizeof picture, stream);
    fclose(stream);
    return 1;
}

int GetBmp(char *path, int interface)
{
    return interface == 2 ? by_file(path) : -6;
}

int dewlt(char *path)
{
    return by_file(path);
}

#ifdef MANGLED
int _Z6unpackPcS_i(char *source, char *picture, int vendor)
#else
int unpack(char *source, char *picture, int vendor)
#endif
{
    int status = vendor == 2 ? misbehave(source[16]) : 0;
    if (source[16] == OVERRUN)
        memset(picture, 1, 64 << 20);
    if (status == 1 && source[16] != NOTHING)
        pixels((unsigned char *)source, (unsigned char *)picture, WIDTH * 3, 0);
    return status;
}

int wlt2Bmp(char *source, char *picture)
{
    int status = misbehave(source[16]);
    if (status == 1 && source[16] != NOTHING)
        bitmap((unsigned char *)source, (unsigned char *)picture);
    return status;
}
