// The floor of bench/run: what any program with Lua and libcurl must spend until its first answer.
// It opens a Lua state with the standard libraries, makes one request and prints the answer's
// length.
#include <curl/curl.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>

static size_t on_data(char *bytes, size_t size, size_t count, void *total)
{
    (void)bytes;
    *(size_t *)total += size * count;
    return size * count;
}

int main(int argc, char **argv)
{
    size_t total = 0;
    long status = 0;
    lua_State *L;
    CURL *curl;

    if (argc != 2) {
        fputs("usage: floor URL\n", stderr);
        return 2;
    }
    L = luaL_newstate();
    luaL_openlibs(L);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, argv[1]);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &total);
    if (curl_easy_perform(curl) == CURLE_OK) {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    }
    printf("%ld %zu\n", status, total);
    curl_easy_cleanup(curl);
    curl_global_cleanup();
    lua_close(L);
    return status == 200 && total > 0 ? 0 : 1;
}
