// Counts the blocks of COM's allocator that are there, which are the process's BSTRs and
// SAFEARRAYs: what the program forgets to free grows from cycle to cycle. With OANOCACHE=1 in the
// environment BSTRs are not kept for later use.
#include "provider.h"

static HRESULT STDMETHODCALLTYPE query(IMallocSpy *self, REFIID iid, void **out)
{
    *out = IsEqualIID(iid, &IID_IUnknown) || IsEqualIID(iid, &IID_IMallocSpy) ? self : NULL;
    return *out ? S_OK : E_NOINTERFACE;
}

static ULONG STDMETHODCALLTYPE keep(IMallocSpy *self)
{
    (void)self;
    return 1;
}

static SIZE_T STDMETHODCALLTYPE pre_alloc(IMallocSpy *self, SIZE_T size)
{
    (void)self;
    return size;
}

static void *STDMETHODCALLTYPE post_alloc(IMallocSpy *self, void *block)
{
    (void)self;
    if (block) {
        count(COUNT_BLOCKS, 1);
    }
    return block;
}

static void *STDMETHODCALLTYPE pre_free(IMallocSpy *self, void *block, WINBOOL spied)
{
    (void)self;
    if (block && spied) {
        count(COUNT_BLOCKS, -1);
    }
    return block;
}

static void STDMETHODCALLTYPE post_free(IMallocSpy *self, WINBOOL spied)
{
    (void)self, (void)spied;
}

static SIZE_T STDMETHODCALLTYPE pre_realloc(IMallocSpy *self, void *block, SIZE_T size,
                                            void **changed, WINBOOL spied)
{
    (void)self, (void)spied;
    *changed = block;
    return size;
}

static void *STDMETHODCALLTYPE post_realloc(IMallocSpy *self, void *block, WINBOOL spied)
{
    (void)self, (void)spied;
    return block;
}

static void *STDMETHODCALLTYPE pre_look(IMallocSpy *self, void *block, WINBOOL spied)
{
    (void)self, (void)spied;
    return block;
}

static SIZE_T STDMETHODCALLTYPE post_size(IMallocSpy *self, SIZE_T size, WINBOOL spied)
{
    (void)self, (void)spied;
    return size;
}

static int STDMETHODCALLTYPE post_did(IMallocSpy *self, void *block, WINBOOL spied, int answer)
{
    (void)self, (void)block, (void)spied;
    return answer;
}

static void STDMETHODCALLTYPE nothing(IMallocSpy *self)
{
    (void)self;
}

static IMallocSpyVtbl table = {query,     keep,      keep,        pre_alloc,    post_alloc,
                               pre_free,  post_free, pre_realloc, post_realloc, pre_look,
                               post_size, pre_look,  post_did,    nothing,      nothing};
static IMallocSpy spy = {&table};

void begin_to_spy(void)
{
    CoRegisterMallocSpy(&spy);
    CoTaskMemAlloc(
        1); // Wine 8.0 looks into its list of blocks without looking whether there is one
}
