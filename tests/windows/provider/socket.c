// The only part of the platform that http_transfer.c asks for; the rest of platform_win32.c would
// bring the whole host with it.
#include <winsock2.h>

#include "platform/platform.h"

uintptr_t tk_platform_socket(int family, int type, int protocol)
{
    return WSASocketW(family, type, protocol, NULL, 0, WSA_FLAG_OVERLAPPED);
}
