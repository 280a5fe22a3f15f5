// What an answer of ExpEther Manager says: its JSON on success, else a failure.
#ifndef TK_EEM_ANSWER_LUA_H
#define TK_EEM_ANSWER_LUA_H

#include <lua.h>
#include <stdbool.h>

#include "eem.h"

// Pushes the object in the answer. Raises what the answer means when it is not a success, and
// EEM_BAD_ANSWER when it is not JSON. A change may be answered with nothing: unless `needed`, that
// pushes nil.
void tk_eem_push_answer(lua_State *L, const struct tk_eem_request *request,
                        const struct tk_http_answer *answer, bool needed);

// Fills *err with the failure that an answer other than success means, with EEM's own words where
// it has any. Whether it was EEM that answered: another server at this address says 404 to
// everything.
bool tk_eem_read_refusal(lua_State *L, const struct tk_eem_request *request,
                         const struct tk_http_answer *answer, struct tk_failure *err);

// Raises EEM_BAD_ANSWER.
int tk_eem_raise_bad_answer(lua_State *L, const struct tk_eem_request *request,
                            const struct tk_http_answer *answer, const char *why);

#endif
