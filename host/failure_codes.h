// The stable failure codes, in one table: scripts, exit codes, documents and tests refer to these
// names. X(code, source, transient, meaning): `transient` says whether trying the same thing again
// may help.
#ifndef TK_FAILURE_CODES_H
#define TK_FAILURE_CODES_H

// clang-format off
#define TK_FAILURE_CODES(X) \
    /* the host and the scripts it runs */ \
    X(INTERNAL,              "host",    false, "a defect in Takeover itself") \
    X(SCRIPT_ERROR,          "script",  false, "an error in a Lua script") \
    X(SCRIPT_STUCK,          "script",  false, "a script ran too long without giving way") \
    X(CANCELLED,             "host",    false, "the run was asked to stop") \
    X(DEADLINE,              "host",    false, "the time for this is used up") \
    X(USAGE,                 "host",    false, "the command line is wrong") \
    X(CONFIG,                "config",  false, "parameters.lua is wrong") \
    X(REFUSED,               "failover", false, "a safety rule forbids this") \
    X(NO_EVIDENCE,           "failover", false, "nothing proves that the other node has let go") \
    X(SECOND_WRITER,         "failover", false, "somebody else is changing the same device") \
    X(NOT_REACHED,           "failover", false, "a fact did not become true in its time") \
    X(NO_DEVICE,             "failover", false, "no device satisfies the request") \
    X(HELD_BY,               "failover", false, "another virtual machine has the device, or was quicker") \
    X(WRONG_DEVICE,          "failover", false, "the device is not the promised one") \
    X(BUSY,                  "failover", false, "another run for the same virtual machine is active") \
    X(VM_WITHOUT_GPU,        "failover", false, "the guest runs, but does not have a working GPU") \
    X(VM_BROKEN,             "failover", false, "the virtual machine is not in a healthy state") \
    /* ExpEther Manager */ \
    X(EEM_UNREACHABLE,       "eem",     true,  "no connection to ExpEther Manager") \
    X(EEM_TIMEOUT,           "eem",     true,  "ExpEther Manager did not answer in time") \
    X(EEM_AUTH,              "eem",     false, "ExpEther Manager refused the user or password") \
    X(EEM_TLS,               "eem",     false, "the certificate of ExpEther Manager does not verify") \
    X(EEM_NOT_FOUND,         "eem",     false, "ExpEther Manager does not know this") \
    X(EEM_REFUSED,           "eem",     false, "ExpEther Manager refused the request") \
    X(EEM_SERVER,            "eem",     true,  "ExpEther Manager reported an error of its own") \
    X(EEM_NOT_APPLIED,       "eem",     true,  "ExpEther Manager said yes, but nothing changed") \
    X(EEM_BAD_ANSWER,        "eem",     false, "the answer is not what ExpEther Manager would say") \
    X(EEM_TOO_LARGE,         "eem",     false, "the answer exceeds the size limit") \
    /* WMI, over any transport */ \
    X(WMI_UNREACHABLE,       "wmi",     true,  "no connection to the management service") \
    X(WMI_TIMEOUT,           "wmi",     true,  "the management service did not answer in time") \
    X(WMI_AUTH,              "wmi",     false, "user or password refused") \
    X(WMI_ACCESS,            "wmi",     false, "the account lacks the rights") \
    X(WMI_TLS,               "wmi",     false, "the certificate of the host does not verify") \
    X(WMI_NOT_FOUND,         "wmi",     false, "no such object") \
    X(WMI_BAD_CLASS,         "wmi",     false, "no such class or namespace") \
    X(WMI_BAD_QUERY,         "wmi",     false, "the query is not understood") \
    X(WMI_BAD_PARAMETER,     "wmi",     false, "a parameter was refused") \
    X(WMI_FAULT,             "wmi",     false, "the management service reported a fault") \
    X(WMI_BAD_ANSWER,        "wmi",     false, "the answer is not valid WS-Management") \
    X(WMI_TOO_LARGE,         "wmi",     false, "the answer exceeds a limit") \
    X(WMI_JOB_FAILED,        "wmi",     false, "the job ended with an error") \
    X(WMI_JOB_LOST,          "wmi",     false, "the job vanished before its result was seen") \
    X(WMI_JOB_TIMEOUT,       "wmi",     false, "the job did not end in time") \
    X(WMI_METHOD_FAILED,     "wmi",     false, "the method returned an error") \
    /* Hyper-V and plug and play */ \
    X(HYPERV_VM_NOT_FOUND,   "hyperv",  false, "no such virtual machine") \
    X(HYPERV_AMBIGUOUS,      "hyperv",  false, "several virtual machines have this name") \
    X(HYPERV_STATE,          "hyperv",  false, "the virtual machine is in the wrong state for this") \
    X(HYPERV_IN_USE,         "hyperv",  true,  "the object is in use") \
    X(HYPERV_EXISTS,         "hyperv",  false, "the virtual machine is already registered") \
    X(HYPERV_NO_DEFINITION,  "hyperv",  false, "no configuration file found") \
    X(HYPERV_INVALID,        "hyperv",  false, "the configuration does not validate on this host") \
    X(HYPERV_ACCESS,         "hyperv",  false, "a file of the virtual machine may not be opened") \
    X(HYPERV_RESOURCES,      "hyperv",  false, "the host lacks memory or address space") \
    X(HYPERV_DEVICE_GONE,    "hyperv",  false, "an assigned device is no longer present") \
    X(HYPERV_NOT_ASSIGNABLE, "hyperv",  false, "the device cannot be assigned") \
    X(HYPERV_GUEST,          "hyperv",  true,  "the guest does not answer") \
    X(PNP_NOT_FOUND,         "pnp",     false, "no such device on this node") \
    X(PNP_FAILED,            "pnp",     false, "the device could not be enabled or disabled") \
    /* the small ones */ \
    X(ECX_FAILED,            "ecx",     false, "an EXPRESSCLUSTER command failed") \
    X(FS_FAILED,             "fs",      false, "a file operation failed") \
    X(FS_NOT_FOUND,          "fs",      false, "no such file") \
    X(FS_UNSAFE,             "fs",      false, "the file may be changed by others") \
    X(FS_LOCKED,             "fs",      false, "another process holds the lock") \
    X(JOURNAL_FAILED,        "journal", false, "the journal cannot be written or read") \
    X(PROCESS_FAILED,        "process", false, "a program could not be started") \
    X(SECRET_MISSING,        "secret",  false, "a secret is not there") \
    X(SECRET_UNSAFE,         "secret",  false, "a secret can be read by others") \
    X(SECRET_UNREADABLE,     "secret",  false, "a secret cannot be encrypted or decrypted here") \
    X(JSON_INVALID,          "json",    false, "the text is not valid JSON") \
    X(XML_INVALID,           "xml",     false, "the text is not acceptable XML") \
    X(HTTPD_FAILED,          "httpd",   false, "the lab's server could not be started")
// clang-format on

#define TK_FAILURE_ENUM(code, source, transient, meaning) TK_##code,
enum tk_code { TK_FAILURE_CODES(TK_FAILURE_ENUM) TK_CODE_COUNT };
#undef TK_FAILURE_ENUM

#endif
