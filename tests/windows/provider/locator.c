// The DLL, its locator, and the factories of both classes: see provider.h.
#include <stdlib.h>
#include <string.h>

#include "provider.h"

HRESULT WINAPI DllGetClassObject(REFCLSID class_id, REFIID iid, void **out);
HRESULT WINAPI DllCanUnloadNow(void);
BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, LPVOID reserved);

static HRESULT STDMETHODCALLTYPE query(IUnknown *self, REFIID iid, void **out, REFIID own)
{
    *out = IsEqualIID(iid, &IID_IUnknown) || IsEqualIID(iid, own) ? self : NULL;
    return *out ? S_OK : E_NOINTERFACE;
}

static ULONG STDMETHODCALLTYPE keep(void *self)
{
    (void)self;
    return 1; // the locator and its factory live as long as the DLL
}

// ---- the locator

// "\\node\root\cimv2" -> node and "root/cimv2"; without a node: the one of the key `local`.
static void split(const char *resource, char **node, char **name_space)
{
    const char *rest = resource;

    *node = NULL;
    if (strncmp(resource, "\\\\", 2) == 0) {
        size_t len = strcspn(resource + 2, "\\");

        *node = tk_strndup(resource + 2, len);
        rest = resource + 2 + len;
        rest += *rest == '\\';
    } else {
        *node = control("local");
    }
    *name_space = tk_strdup(rest);
    for (char *p = *name_space; *p; p++) {
        *p = *p == '\\' ? '/' : *p;
    }
}

static bool login_is_right(const char *user, const char *password)
{
    char *wanted = control("login");
    char *given = tk_sprintf("%s:%s", user ? user : "", password ? password : "");
    bool right = !wanted || strcmp(wanted, given) == 0;

    tk_free(given);
    tk_free(wanted);
    return right;
}

static HRESULT STDMETHODCALLTYPE connect_server(IWbemLocator *self, const BSTR wide_resource,
                                                const BSTR wide_user, const BSTR wide_password,
                                                const BSTR locale, LONG flags, const BSTR authority,
                                                IWbemContext *context, IWbemServices **out)
{
    char *resource = to_utf8(wide_resource), *user = to_utf8(wide_user);
    char *password = to_utf8(wide_password), *node, *name_space;
    bool remote = strncmp(resource, "\\\\", 2) == 0;
    HRESULT hr = injected("connect");

    (void)self, (void)locale, (void)flags, (void)authority, (void)context;
    count(COUNT_CONNECT, 1);
    *out = NULL;
    split(resource, &node, &name_space);
    if (hangs("connect")) {
        Sleep(INFINITE);
    }
    if (SUCCEEDED(hr) && !remote && user) {
        hr = (HRESULT)WBEM_E_LOCAL_CREDENTIALS;
    } else if (SUCCEEDED(hr) && remote && !login_is_right(user, password)) {
        hr = E_ACCESSDENIED;
    } else if (SUCCEEDED(hr) && !has_namespace(name_space)) {
        hr = (HRESULT)WBEM_E_INVALID_NAMESPACE;
    } else if (SUCCEEDED(hr)) {
        hr = new_services(out, node ? node : "", name_space, user, password);
    }
    tk_free(name_space);
    tk_free(node);
    tk_free(password);
    tk_free(user);
    tk_free(resource);
    return hr;
}

static HRESULT STDMETHODCALLTYPE locator_query(IWbemLocator *self, REFIID iid, void **out)
{
    return query((IUnknown *)self, iid, out, &IID_IWbemLocator);
}

static IWbemLocatorVtbl locator_table = {locator_query, (void *)keep, (void *)keep, connect_server};
static IWbemLocator locator = {&locator_table};

// ---- the factories

static HRESULT STDMETHODCALLTYPE factory_query(IClassFactory *self, REFIID iid, void **out)
{
    return query((IUnknown *)self, iid, out, &IID_IClassFactory);
}

static HRESULT STDMETHODCALLTYPE create(IClassFactory *self, IUnknown *outer, REFIID iid,
                                        void **out)
{
    (void)self;
    *out = NULL;
    return outer ? CLASS_E_NOAGGREGATION : locator_query(&locator, iid, out);
}

static HRESULT STDMETHODCALLTYPE create_writer(IClassFactory *self, IUnknown *outer, REFIID iid,
                                               void **out)
{
    (void)self;
    *out = NULL;
    return outer ? CLASS_E_NOAGGREGATION : new_writer(iid, out);
}

static HRESULT STDMETHODCALLTYPE lock_server(IClassFactory *self, BOOL lock)
{
    (void)self, (void)lock;
    return S_OK;
}

static IClassFactoryVtbl factory_table = {factory_query, (void *)keep, (void *)keep, create,
                                          lock_server};
static IClassFactory factory = {&factory_table};
static IClassFactoryVtbl writers_table = {factory_query, (void *)keep, (void *)keep, create_writer,
                                          lock_server};
static IClassFactory writers = {&writers_table};

__declspec(dllexport) HRESULT WINAPI DllGetClassObject(REFCLSID class_id, REFIID iid, void **out)
{
    static LONG spying;

    if (InterlockedExchange(&spying, 1) == 0) {
        begin_to_spy();
    }
    *out = NULL;
    if (IsEqualCLSID(class_id, &CLSID_WbemLocator)) {
        return factory_query(&factory, iid, out);
    }
    return IsEqualCLSID(class_id, &CLSID_WbemObjectTextSrc) ? factory_query(&writers, iid, out)
                                                            : CLASS_E_CLASSNOTAVAILABLE;
}

__declspec(dllexport) HRESULT WINAPI DllCanUnloadNow(void)
{
    return S_FALSE;
}

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, LPVOID reserved)
{
    (void)instance, (void)reserved;
    if (reason == DLL_PROCESS_DETACH) {
        write_counts();
    }
    return TRUE;
}
