// See platform.h: Windows gives the standard handles and has no limits of this kind. Crash dumps
// leave out the heap, where passwords are.
#include <windows.h>

#include "platform.h"

#define NO_HEAP 1 // WER_FAULT_REPORTING_FLAG_NOHEAP; MinGW's werapi.h does not compile

void tk_platform_prepare(void)
{
    typedef HRESULT(WINAPI * set_flags)(DWORD);
    HMODULE wer = LoadLibraryExW(L"wer.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    set_flags set = wer ? (set_flags)(void *)GetProcAddress(wer, "WerSetFlags") : NULL;

    if (set) {
        set(NO_HEAP);
    }
}

bool tk_platform_has_room(struct tk_buffer *why)
{
    (void)why;
    return true;
}
