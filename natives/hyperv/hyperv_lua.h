// What the files of hyperv's binding share.
#ifndef TK_HYPERV_LUA_H
#define TK_HYPERV_LUA_H

#include <lauxlib.h>
#include <lua.h>

#include "hyperv.h"
#include "runtime/await.h"

// Changes that need nothing but a machine, or a machine and one text.
typedef int (*tk_vm_verb)(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                          const struct tk_limit *limit, struct tk_failure *err);
typedef int (*tk_vm_text_verb)(bool *changed, struct tk_hyperv *h, const struct tk_vm_ref *vm,
                               const char *text, const struct tk_limit *limit,
                               struct tk_failure *err);

// One call: owns everything that the pool thread touches, and what it found. Fields that a verb
// does not use stay zero.
struct tk_hyperv_request {
    struct tk_hyperv *h;
    struct tk_vm_ref vm;
    char *text[3]; // copies of the arguments
    struct tk_vm_changes changes;
    bool flags[2];
    tk_vm_verb verb;
    tk_vm_text_verb text_verb;
    // results
    bool changed, found;
    const char *word;
    char *name;
    struct tk_vm one;
    struct tk_vm_list vms;
    struct tk_worker_list workers;
    struct tk_vm_settings settings;
    struct tk_vm_part_list parts;
    struct tk_vm_verdict verdict;
    struct tk_guest_items items;
    struct tk_host_device_list devices;
    struct tk_assignment_list assignments;
    struct tk_hyperv_job_list jobs;
    struct tk_gpu_list gpus;
    struct tk_share_list shares;
    uint64_t amount;
};

// ---- hyperv_lua.c

// Pushes the request of the handle at 1; call it after every check of arguments.
struct tk_hyperv_request *tk_hyperv_request(lua_State *L);
// Runs the request on top, with the time of a look or of a job.
int tk_hyperv_look_up(lua_State *L, tk_work work, tk_push push);
int tk_hyperv_act(lua_State *L, tk_work work, tk_push push);
// Text without a zero byte that is not empty; `what` says what is needed.
const char *tk_hyperv_check_text(lua_State *L, int index, const char *what);
// A table with `id`, or the GUID.
struct tk_vm_ref tk_hyperv_check_vm(lua_State *L, int index);

// ---- hyperv_looks.c, hyperv_verbs.c: the methods; each ends with a NULL name

extern const luaL_Reg tk_hyperv_looks[];
extern const luaL_Reg tk_hyperv_verbs[];

// ---- hyperv_push.c

// After a call: each pushes one value [-0, +1, m].
int tk_hyperv_push_nothing(lua_State *L, void *request); // pushes none
int tk_hyperv_push_changed(lua_State *L, void *request);
int tk_hyperv_push_word(lua_State *L, void *request);
int tk_hyperv_push_host(lua_State *L, void *request);
int tk_hyperv_push_vm(lua_State *L, void *request); // nil when not found
int tk_hyperv_push_vms(lua_State *L, void *request);
int tk_hyperv_push_workers(lua_State *L, void *request);
int tk_hyperv_push_definition(lua_State *L, void *request);
int tk_hyperv_push_settings(lua_State *L, void *request);
int tk_hyperv_push_disks(lua_State *L, void *request);
int tk_hyperv_push_adapters(lua_State *L, void *request);
int tk_hyperv_push_verdict(lua_State *L, void *request);
int tk_hyperv_push_items(lua_State *L, void *request);
int tk_hyperv_push_devices(lua_State *L, void *request);
int tk_hyperv_push_assignments(lua_State *L, void *request);
int tk_hyperv_push_all_assignments(lua_State *L, void *request);
int tk_hyperv_push_jobs(lua_State *L, void *request);
int tk_hyperv_push_gpus(lua_State *L, void *request);
int tk_hyperv_push_shares(lua_State *L, void *request);

#endif
