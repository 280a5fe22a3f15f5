// IClientSecurity, by which CoSetProxyBlanket tells how calls shall be protected: see provider.h.
#include "provider.h"

static struct secured *from_face(IClientSecurity *face)
{
    return (struct secured *)face;
}

static HRESULT STDMETHODCALLTYPE query(IClientSecurity *self, REFIID iid, void **out)
{
    return IUnknown_QueryInterface(from_face(self)->owner, iid, out);
}

static ULONG STDMETHODCALLTYPE add_ref(IClientSecurity *self)
{
    return IUnknown_AddRef(from_face(self)->owner);
}

static ULONG STDMETHODCALLTYPE release(IClientSecurity *self)
{
    return IUnknown_Release(from_face(self)->owner);
}

static HRESULT STDMETHODCALLTYPE query_blanket(IClientSecurity *self, IUnknown *proxy, DWORD *authn,
                                               DWORD *authz, OLECHAR **principal, DWORD *level,
                                               DWORD *impersonation, void **info,
                                               DWORD *capabilities)
{
    (void)self, (void)proxy, (void)authn, (void)authz, (void)principal, (void)level;
    (void)impersonation, (void)info, (void)capabilities;
    return E_NOTIMPL;
}

static HRESULT STDMETHODCALLTYPE set_blanket(IClientSecurity *self, IUnknown *proxy, DWORD authn,
                                             DWORD authz, OLECHAR *principal, DWORD level,
                                             DWORD impersonation, void *info, DWORD capabilities)
{
    (void)proxy, (void)authn, (void)authz, (void)principal, (void)info, (void)capabilities;
    from_face(self)->protected =
        level == RPC_C_AUTHN_LEVEL_PKT_PRIVACY && impersonation == RPC_C_IMP_LEVEL_IMPERSONATE;
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE copy_proxy(IClientSecurity *self, IUnknown *proxy, IUnknown **out)
{
    (void)self, (void)proxy;
    *out = NULL;
    return E_NOTIMPL;
}

static IClientSecurityVtbl table = {query,         add_ref,     release,
                                    query_blanket, set_blanket, copy_proxy};

void secure(struct secured *s, IUnknown *owner)
{
    s->face.lpVtbl = &table;
    s->owner = owner;
}
