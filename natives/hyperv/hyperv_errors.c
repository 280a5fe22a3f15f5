// What Hyper-V's failures mean to someone who has to act on them. A method fails by its
// ReturnValue, by its job's ErrorCode, by an HRESULT, or only by the text of a job; the same cause
// shows up in each of these ways, and two families of return codes are in use. One table, read from
// the most telling mark to the least: the first rule that fits wins. What a number tells comes
// before texts, because hosts of other languages translate them; texts only make a vague number
// precise.
#include <stdio.h>
#include <string.h>

#include "hyperv_common.h"

// Which methods a rule is for; a method may be of several kinds.
enum {
    START = 1 << 0,   // RequestStateChange
    IMPORT = 1 << 1,  // ImportSystemDefinition, GetDefinitionFileSummaryInformation
    PLANNED = 1 << 2, // ValidatePlannedSystem, RealizePlannedSystem
    DEVICE = 1 << 3,  // dismount, mount, assign, unassign
    GUEST = 1 << 4,   // InitiateShutdown
    OTHER = 1 << 5,
    RESOURCE = 1 << 6, // the older family of return codes
    FILES = IMPORT | PLANNED | START | OTHER,
    ANY = ~0,
};

static const struct {
    const char *method;
    int kinds;
} methods[] = {
    {"RequestStateChange", START},
    {"ImportSystemDefinition", IMPORT},
    {"GetDefinitionFileSummaryInformation", IMPORT},
    {"ValidatePlannedSystem", PLANNED},
    {"RealizePlannedSystem", PLANNED},
    {"DismountAssignableDevice", DEVICE},
    {"MountAssignableDevice", DEVICE},
    {"AddResourceSettings", DEVICE | RESOURCE},
    {"RemoveResourceSettings", DEVICE | RESOURCE},
    {"ModifyResourceSettings", OTHER | RESOURCE},
    {"ModifySystemSettings", OTHER | RESOURCE},
    {"DestroySystem", OTHER | RESOURCE},
    {"InitiateShutdown", GUEST},
};

struct rule {
    int kinds;
    uint32_t number;  // HRESULT or return code; 0: by text
    const char *text; // part of the message
    enum tk_code code;
    const char *hint;
};

#define ASSIGN_HINT                                                                                \
    "device assignment needs Windows Server, an IOMMU, a device without memory that firmware "     \
    "keeps for itself, and \"turn off\" as the machine's stop action"
#define FORCE_HINT                                                                                 \
    "the manufacturer gives no directives for this device: dismount it with force = true"
#define FIRMWARE_HINT                                                                              \
    "the firmware keeps control of PCI Express: look for SR-IOV, ACS or native PCIe control in "   \
    "the BIOS setup"
#define ACCESS_HINT                                                                                \
    "the disk's access list must let NT VIRTUAL MACHINE\\<id> read and write (icacls <vhd> "       \
    "/grant \"NT VIRTUAL MACHINE\\<id>\":(r,w))"
#define ORPHAN_HINT "remove the assignment of the device that is gone, then try again"
#define GONE_HINT   "the device is not on this host, or not in the state that this needs"
#define MEMORY_HINT                                                                                \
    "with an assigned device the whole memory is taken at once: is that much free, and do "        \
    "low_mmio and high_mmio fit?"
#define IN_USE_HINT "another node or program has a file of it open"
#define IMPORT_HINT "another node or program has the file open, or it is not there"
#define DRIVER_HINT "its driver must be disabled, and no virtual machine may have it"
#define RIGHTS_HINT "run as administrator or as a member of Hyper-V Administrators"

// clang-format off
static const struct rule rules[] = {
    // HRESULTs, as numbers or inside a job's text
    {START, 0x80070490, NULL, TK_HYPERV_DEVICE_GONE, ORPHAN_HINT},
    {DEVICE, 0x80070490, NULL, TK_HYPERV_DEVICE_GONE, GONE_HINT},
    {ANY, 0x8007000E, NULL, TK_HYPERV_RESOURCES, MEMORY_HINT},
    {ANY, 0x800705AA, NULL, TK_HYPERV_RESOURCES, MEMORY_HINT},
    {DEVICE, 0x80070020, NULL, TK_HYPERV_IN_USE, DRIVER_HINT},
    {FILES, 0x80070020, NULL, TK_HYPERV_IN_USE, IN_USE_HINT},
    {IMPORT, 0x800700B7, NULL, TK_HYPERV_EXISTS, NULL},
    {IMPORT, 0x80041019, NULL, TK_HYPERV_EXISTS, NULL},
    {IMPORT, 0x80070002, NULL, TK_HYPERV_NO_DEFINITION, NULL},
    {IMPORT, 0x80070003, NULL, TK_HYPERV_NO_DEFINITION, NULL},
    {FILES, 0x80070005, NULL, TK_HYPERV_ACCESS, ACCESS_HINT},
    {DEVICE | START, 0xC035001E, NULL, TK_HYPERV_NOT_ASSIGNABLE, ASSIGN_HINT},
    {START | OTHER | PLANNED | GUEST, 0x80041002, NULL, TK_HYPERV_VM_NOT_FOUND, NULL},
    {DEVICE, 0x80041002, NULL, TK_HYPERV_DEVICE_GONE, GONE_HINT},
    // texts of jobs (in English)
    {DEVICE, 0, "OS control of the PCI Express", TK_HYPERV_NOT_ASSIGNABLE, FIRMWARE_HINT},
    {DEVICE, 0, "has not supplied any directives", TK_HYPERV_NOT_ASSIGNABLE, FORCE_HINT},
    {DEVICE, 0, "not assignable", TK_HYPERV_NOT_ASSIGNABLE, ASSIGN_HINT},
    {DEVICE, 0, "cannot be assigned", TK_HYPERV_NOT_ASSIGNABLE, ASSIGN_HINT},
    {DEVICE, 0x80070032, NULL, TK_HYPERV_NOT_ASSIGNABLE, ASSIGN_HINT}, // "not supported": no reason
    {START, 0, "MMIO region", TK_HYPERV_RESOURCES, MEMORY_HINT},
    {START, 0, "not enough memory", TK_HYPERV_RESOURCES, MEMORY_HINT},
    {START, 0, "element not found", TK_HYPERV_DEVICE_GONE, ORPHAN_HINT},
    {DEVICE, 0, "element not found", TK_HYPERV_DEVICE_GONE, GONE_HINT},
    {START, 0, "access denied", TK_HYPERV_ACCESS, ACCESS_HINT},
    {START, 0, "required security settings", TK_HYPERV_ACCESS, ACCESS_HINT},
    {IMPORT, 0, "already exists", TK_HYPERV_EXISTS, NULL},
    {DEVICE, 0, "in use", TK_HYPERV_IN_USE, DRIVER_HINT},
    {ANY, 0, "in use", TK_HYPERV_IN_USE, IN_USE_HINT},
    {ANY, 0, "being used by another process", TK_HYPERV_IN_USE, IN_USE_HINT},
    // return codes; 32779 is "not found" for most methods, but "in use" for these two
    {IMPORT, 32779, NULL, TK_HYPERV_IN_USE, IMPORT_HINT},
    {PLANNED, 32779, NULL, TK_HYPERV_IN_USE, IN_USE_HINT},
    {GUEST, 32779, NULL, TK_HYPERV_GUEST, "the guest has no shutdown service"},
    {GUEST, 32780, NULL, TK_HYPERV_GUEST, "the guest is not ready yet"},
    {GUEST, 32781, NULL, TK_HYPERV_GUEST, "someone works at the guest and it is locked: force"},
    {GUEST, 32782, NULL, TK_HYPERV_GUEST, "the guest is shutting down already"},
    {DEVICE, 32770, NULL, TK_HYPERV_NOT_ASSIGNABLE, ASSIGN_HINT},
    {DEVICE, 32779, NULL, TK_HYPERV_DEVICE_GONE, GONE_HINT},
    {ANY, 32769, NULL, TK_WMI_ACCESS, RIGHTS_HINT},
    {ANY, 32774, NULL, TK_HYPERV_IN_USE, NULL},
    {ANY, 4099, NULL, TK_HYPERV_IN_USE, "Hyper-V is busy with this machine"},
    {ANY, 32775, NULL, TK_HYPERV_STATE, NULL},
    {ANY, 4097, NULL, TK_HYPERV_STATE, NULL},
    {RESOURCE, 5, NULL, TK_HYPERV_STATE, NULL},
    {ANY, 32778, NULL, TK_HYPERV_RESOURCES, MEMORY_HINT},
};
// clang-format on

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool tk_text_has(const char *text, const char *part)
{
    for (; *text; text++) {
        size_t i = 0;

        while (part[i] && lower(text[i]) == lower(part[i])) {
            i++;
        }
        if (!part[i]) {
            return true;
        }
    }
    return false;
}

bool tk_hyperv_has(const struct tk_failure *err, uint32_t hresult)
{
    char digits[16];

    if (err->hresult == hresult) {
        return true;
    }
    if (hresult < 0x80000000U) { // return codes are not looked for in texts
        return false;
    }
    snprintf(digits, sizeof digits, "%08X", (unsigned)hresult);
    return tk_text_has(err->message, digits);
}

static int kinds_of(const char *method)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (strcmp(methods[i].method, method) == 0) {
            return methods[i].kinds;
        }
    }
    return OTHER;
}

// Failures of the way to the host stay what they are; so do faults that pass, which are no verdict.
static bool is_answer(const struct tk_failure *err)
{
    if (err->code == TK_WMI_FAULT && err->transient) {
        return false;
    }
    switch (err->code) {
    case TK_WMI_METHOD_FAILED:
    case TK_WMI_JOB_FAILED:
    case TK_WMI_FAULT:
    case TK_WMI_NOT_FOUND:
    case TK_WMI_BAD_PARAMETER:
        return true;
    default:
        return false;
    }
}

static bool fits(const struct rule *rule, const struct tk_failure *err, int kinds)
{
    if ((rule->kinds & kinds) == 0) {
        return false;
    }
    if (rule->text) { // the words for a bare return code are our own
        return err->code != TK_WMI_METHOD_FAILED && tk_text_has(err->message, rule->text);
    }
    return tk_hyperv_has(err, rule->number);
}

void tk_hyperv_explain(struct tk_failure *err, const char *method, const char *target)
{
    int kinds = kinds_of(method);

    if (target) { // says more than the path of a service or job
        tk_fail_target(err, target);
    }
    if (!is_answer(err)) {
        return;
    }
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (fits(&rules[i], err, kinds)) {
            err->code = rules[i].code;
            err->transient = err->transient || tk_code_transient(err->code);
            if (rules[i].hint && !err->hint[0]) {
                tk_fail_hint(err, "%s", rules[i].hint);
            }
            return;
        }
    }
    if ((kinds & PLANNED) && !err->transient) {
        err->code = TK_HYPERV_INVALID;
        err->transient = tk_code_transient(err->code);
    }
}
