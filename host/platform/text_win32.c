// See platform.h: UTF-8, UTF-16 and code pages.
#include "platform.h"

#include <string.h>

#include "win32.h"

#include <winnls.h>

#define MESSAGE_MAX 512

wchar_t *tk_wide(const char *text)
{
    int len = MultiByteToWideChar(CP_UTF8, 0, text, -1, NULL, 0);
    wchar_t *wide = tk_alloc((size_t)(len > 0 ? len : 1) * sizeof *wide);

    MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, len);
    return wide;
}

char *tk_narrow(const wchar_t *text)
{
    int len = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
    char *narrow = tk_alloc((size_t)(len > 0 ? len : 1));

    WideCharToMultiByte(CP_UTF8, 0, text, -1, narrow, len, NULL, NULL);
    return narrow;
}

void tk_win32_say(struct tk_buffer *out, DWORD error)
{
    wchar_t words[MESSAGE_MAX];
    DWORD len = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL,
                               error, 0, words, MESSAGE_MAX, NULL);
    char *text;

    while (len > 0 && (words[len - 1] <= L' ' || words[len - 1] == L'.')) {
        len--;
    }
    words[len] = L'\0';
    text = tk_narrow(words);
    tk_buffer_printf(out, "%s%s(error %lu)", text, len > 0 ? " " : "", (unsigned long)error);
    tk_free(text);
}

// ---- code pages
// ----------------------------------------------------------------------------------

// The manifest makes UTF-8 of GetOEMCP, too; the system's locale still knows.
static UINT number_of(unsigned code_page)
{
    DWORD number = 0;

    if (code_page != TK_CODE_PAGE_SYSTEM) {
        return code_page;
    }
    if (GetLocaleInfoW(LOCALE_SYSTEM_DEFAULT, LOCALE_IDEFAULTCODEPAGE | LOCALE_RETURN_NUMBER,
                       (wchar_t *)&number, sizeof number / sizeof(wchar_t)) == 0 ||
        number == 0) {
        return CP_UTF8;
    }
    return number;
}

// Those that Windows converts without a character for what they do not have.
static bool has_no_default(UINT number)
{
    return number == CP_UTF8 || number == CP_UTF7 || number == 54936 ||
           (number >= 50220 && number <= 50229) || (number >= 57002 && number <= 57011);
}

bool tk_platform_code_page_known(unsigned code_page)
{
    return IsValidCodePage(number_of(code_page));
}

static void convert(struct tk_buffer *out, const char *text, size_t len, UINT from, UINT to)
{
    int wide_len = len > 0 ? MultiByteToWideChar(from, 0, text, (int)len, NULL, 0) : 0;
    wchar_t *wide = tk_alloc(((size_t)wide_len + 1) * sizeof *wide);
    const char *otherwise = has_no_default(to) ? NULL : "?";
    int bytes;
    char *narrow;

    if (wide_len <= 0) {
        tk_buffer_add(out, text, len);
        tk_free(wide);
        return;
    }
    MultiByteToWideChar(from, 0, text, (int)len, wide, wide_len);
    bytes = WideCharToMultiByte(to, 0, wide, wide_len, NULL, 0, otherwise, NULL);
    narrow = tk_alloc((size_t)bytes + 1);
    WideCharToMultiByte(to, 0, wide, wide_len, narrow, bytes, otherwise, NULL);
    tk_buffer_add(out, narrow, (size_t)bytes);
    tk_free(narrow);
    tk_free(wide);
}

void tk_platform_encode(struct tk_buffer *out, const char *text, size_t len, unsigned code_page)
{
    convert(out, text, len, CP_UTF8, number_of(code_page));
}

void tk_platform_decode(struct tk_buffer *out, const char *text, size_t len, unsigned code_page)
{
    convert(out, text, len, number_of(code_page), CP_UTF8);
}
