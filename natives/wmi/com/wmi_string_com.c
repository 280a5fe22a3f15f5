// UTF-8, which the program has everywhere, and the UTF-16 of COM: see wmi_com.h.
#include "wmi_com.h"

#include <limits.h>
#include <oleauto.h>

BSTR tk_com_bstr(const char *utf8)
{
    int len = utf8 ? MultiByteToWideChar(CP_UTF8, 0, utf8, -1, NULL, 0) : 0;
    BSTR text = len > 0 ? SysAllocStringLen(NULL, (UINT)len - 1) : NULL;

    if (text) {
        MultiByteToWideChar(CP_UTF8, 0, utf8, -1, text, len);
    }
    return text;
}

char *tk_com_utf8(const OLECHAR *text, size_t len)
{
    int bytes;
    char *out;

    if (!text) {
        return NULL;
    }
    bytes = len == 0 || len > INT_MAX
                ? 0
                : WideCharToMultiByte(CP_UTF8, 0, text, (int)len, NULL, 0, NULL, NULL);
    out = tk_alloc((size_t)bytes + 1);
    if (bytes > 0) {
        WideCharToMultiByte(CP_UTF8, 0, text, (int)len, out, bytes, NULL, NULL);
    }
    return out;
}
