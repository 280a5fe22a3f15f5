// Files on a host, through CIM_DataFile and Win32_Directory (root\cimv2): what a failover needs to
// copy and find a virtual machine's configuration where the disk is. Nothing can be read or written
// this way, only listed, copied, renamed and deleted. All functions block with a time limit and
// know no Lua. Paths: a drive letter, then anything; / counts as \. Codes: FS_FAILED (hresult: the
// method's return value), FS_NOT_FOUND, WMI_*.
#ifndef TK_HOSTFILES_H
#define TK_HOSTFILES_H

#include "wmi/wmi.h"

struct tk_hostfile {
    char *path, *name;
    char *modified; // DMTF datetime, "" when not told
    uint64_t size_bytes;
};

struct tk_hostfile_list {
    struct tk_hostfile *items;
    size_t count;
};

void tk_hostfile_list_clear(struct tk_hostfile_list *list);

// "g:/Hyper-V/vme2/" -> "g:\Hyper-V\vme2"; NULL when it does not begin with a drive ("G:\").
// Caller frees.
char *tk_hostfile_path(const char *path);

// The files (not the directories) directly in a directory; none where there is no such directory.
int tk_hostfile_ls(struct tk_hostfile_list *out, struct tk_wmi *wmi, const char *directory,
                   const struct tk_limit *limit, struct tk_failure *err);
// A file, or a directory: a list of one or none.
int tk_hostfile_find(struct tk_hostfile_list *out, struct tk_wmi *wmi, const char *path,
                     bool directory, const struct tk_limit *limit, struct tk_failure *err);
// "Copy" or "Rename" of a file or a directory with all that is in it. The new name must not be
// there. Both paths as tk_hostfile_path gives them.
int tk_hostfile_move(struct tk_wmi *wmi, const char *method, bool directory, const char *from,
                     const char *to, const struct tk_limit *limit, struct tk_failure *err);
int tk_hostfile_delete(bool *changed, struct tk_wmi *wmi, const char *path, bool directory,
                       const struct tk_limit *limit, struct tk_failure *err);

#endif
