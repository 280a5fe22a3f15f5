// The stable failure codes, and all that is said of a code anywhere, in one table: scripts, the
// engine, exit codes, documents and tests refer to it. X(code, source, flags, exit, meaning,
// remedy): `exit` is a name of lua/core/exit_codes.lua, for a run that ended with this; `remedy`
// says what to do where the failure itself does not, and is NULL where no cure is known. {node},
// {vm} and {target} in it stand for what the failure is about.
#ifndef TK_FAILURE_CODES_H
#define TK_FAILURE_CODES_H

#include <stddef.h>

enum tk_code_flag {
    TK_TRANSIENT = 1,  // trying the same thing again may help
    TK_UNKNOWN = 2,    // says nothing of the virtual machine's health: it could not be asked
    TK_SILENT = 4,     // a node that does not answer: for its devices there may be other evidence
    TK_REFUSAL = 8,    // a safety rule's no, not a fault
    TK_CUT_SHORT = 16, // may only say that the asker had no more time
    TK_SETTLES = 32,   // the fact may come true by itself: an earlier run's job may be at work
};

// clang-format off
#define TK_FAILURE_CODES(X) \
    /* the host and the scripts it runs */ \
    X(INTERNAL, "host", TK_UNKNOWN, "internal", \
      "a defect in Takeover itself", \
      NULL) \
    X(SCRIPT_ERROR, "script", TK_UNKNOWN, "failed", \
      "an error in a Lua script", \
      "mend the script at the place that is named; takeover test plays it without a risk") \
    X(SCRIPT_STUCK, "script", TK_UNKNOWN, "failed", \
      "a script ran too long without giving way", \
      "mend the loop at the place that is named: it computes without ever waiting") \
    X(CANCELLED, "host", TK_UNKNOWN, "cancelled", \
      "the run was asked to stop", \
      "the same command again goes on from what is there") \
    X(DEADLINE, "host", TK_UNKNOWN | TK_CUT_SHORT, "deadline", \
      "the time for this is used up", \
      "the same command again goes on from what is there; give it more time (--timeout, " \
      "ECX's script timeout)") \
    X(USAGE, "host", TK_UNKNOWN, "usage", \
      "the command line is wrong", \
      "takeover --help") \
    X(CONFIG, "config", TK_UNKNOWN, "configuration", \
      "parameters.lua is wrong", \
      "mend parameters.lua; takeover check reads it without a risk") \
    X(REFUSED, "failover", TK_REFUSAL, "refused", \
      "a safety rule forbids this", \
      "takeover status {vm} shows who uses what; end that use first") \
    X(NO_EVIDENCE, "failover", TK_REFUSAL, "refused", \
      "nothing proves that the other node has let go", \
      "see that the other node is really off, and say so with --evidence \"...\"") \
    X(SECOND_WRITER, "failover", 0, "failed", \
      "somebody else is changing the same device", \
      "find who else changes groups in ExpEther Manager and let him end; then the same " \
      "command again") \
    X(NOT_REACHED, "failover", 0, "failed", \
      "a fact did not become true in its time", \
      NULL) \
    X(NO_DEVICE, "failover", 0, "no_device", \
      "no device satisfies the request", \
      "takeover gpu explain {vm} says of every device why not") \
    X(HELD_BY, "failover", 0, "no_device", \
      "another virtual machine has the device, or was quicker", \
      "takeover gpu explain {vm} says who has it; free that one, or let {vm} have an " \
      "alternative") \
    X(WRONG_DEVICE, "failover", 0, "no_device", \
      "the device is not the promised one", \
      "compare vendor, device and serial in parameters.lua with takeover gpu list: was the " \
      "card changed?") \
    X(LINK_DOWN, "failover", 0, "failed", \
      "the link of a connected device does not come up", \
      "look at power and cable of the device and of its I/O box; takeover gpu list shows " \
      "when the link is up") \
    X(BUSY, "failover", TK_UNKNOWN, "busy", \
      "another run for the same virtual machine is active", \
      "it ends by itself within its deadline; then try again") \
    X(VM_WITHOUT_GPU, "failover", 0, "failed", \
      "the guest runs, but does not have a working GPU", \
      "look at the GPU's driver inside the guest (Device Manager, nvidia-smi); is " \
      "vms.{vm}.mmio large enough for the card?") \
    X(VM_BROKEN, "failover", 0, "failed", \
      "the virtual machine is not in a healthy state", \
      "look at it in Hyper-V Manager on {node}: Hyper-V's own event log says why it is so") \
    /* ExpEther Manager */ \
    X(EEM_UNREACHABLE, "eem", TK_TRANSIENT | TK_UNKNOWN, "failed", \
      "no connection to ExpEther Manager", \
      "is ExpEther Manager running, and is eem.url right? takeover check asks it") \
    X(EEM_TIMEOUT, "eem", TK_TRANSIENT | TK_UNKNOWN | TK_CUT_SHORT, "failed", \
      "ExpEther Manager did not answer in time", \
      "look at the host of ExpEther Manager: is it overloaded or hanging? Restart ExpEther " \
      "Manager if it is") \
    X(EEM_AUTH, "eem", TK_UNKNOWN, "configuration", \
      "ExpEther Manager refused the user or password", \
      "set eem.user in parameters.lua, and the password that eem.password names: takeover " \
      "secret set NAME; takeover check tries them") \
    X(EEM_TLS, "eem", TK_UNKNOWN, "configuration", \
      "the certificate of ExpEther Manager does not verify", \
      "renew the certificate of ExpEther Manager, or name its authority's with eem.ca") \
    X(EEM_NOT_FOUND, "eem", 0, "failed", \
      "ExpEther Manager does not know this", \
      "takeover gpu list shows the ids that ExpEther Manager knows; is the box switched on?") \
    X(EEM_REFUSED, "eem", TK_UNKNOWN, "failed", \
      "ExpEther Manager refused the request", \
      "takeover gpu list shows group and state of the device; the log of ExpEther Manager " \
      "says why it refused") \
    X(EEM_SERVER, "eem", TK_TRANSIENT | TK_UNKNOWN, "failed", \
      "ExpEther Manager reported an error of its own", \
      "look at the log of ExpEther Manager; restart it if the error stays") \
    X(EEM_NOT_APPLIED, "eem", TK_TRANSIENT, "failed", \
      "ExpEther Manager said yes, but nothing changed", \
      "restart ExpEther Manager; takeover gpu list shows what is so") \
    X(EEM_BAD_ANSWER, "eem", TK_UNKNOWN, "failed", \
      "the answer is not what ExpEther Manager would say", \
      "does eem.url lead to ExpEther Manager, or to a proxy or another program?") \
    X(EEM_EMPTY, "eem", TK_TRANSIENT | TK_UNKNOWN | TK_REFUSAL, "refused", \
      "the list of ExpEther Manager shows less than it must show", \
      "does ExpEther Manager see its boards and boxes (its GUI, takeover gpu list)? Restart it " \
      "where it does not") \
    X(EEM_TOO_LARGE, "eem", TK_UNKNOWN, "failed", \
      "the answer exceeds the size limit", \
      "does eem.url lead to ExpEther Manager, or to a proxy or another program?") \
    /* WMI, over any transport */ \
    X(WMI_UNREACHABLE, "wmi", TK_TRANSIENT | TK_UNKNOWN | TK_SILENT, "failed", \
      "no connection to the management service", \
      "is {node} up, and is WinRM running there (winrm quickconfig)? takeover check asks it") \
    X(WMI_TIMEOUT, "wmi", TK_TRANSIENT | TK_UNKNOWN | TK_SILENT | TK_CUT_SHORT, "failed", \
      "the management service did not answer in time", \
      "look at {node}: is it overloaded or hanging? Restart its services winmgmt and vmms; " \
      "running machines go on") \
    X(WMI_BUSY, "wmi", TK_TRANSIENT | TK_UNKNOWN, "failed", \
      "the host takes no more requests now", \
      "wait until other management programs on {node} have ended, or restart its service " \
      "WinRM; then the same command again") \
    X(WMI_EMPTY, "wmi", TK_TRANSIENT | TK_UNKNOWN | TK_REFUSAL, "refused", \
      "the answer lists less than the host must show", \
      "is the service vmms running on {node} (Get-Service vmms), and is the account in " \
      "Hyper-V Administrators there?") \
    X(WMI_OTHER_HOST, "wmi", TK_UNKNOWN, "configuration", \
      "the host under this address is not the node", \
      "mend nodes.{node}.wmi.url or its address in parameters.lua; a name that differs on " \
      "purpose is nodes.{node}.host_name") \
    X(WMI_AUTH, "wmi", TK_UNKNOWN, "configuration", \
      "user or password refused", \
      "set nodes.{node}.wmi.user, and the password that it names: takeover secret set NAME; " \
      "takeover check tries them") \
    X(WMI_LOGIN, "wmi", TK_TRANSIENT | TK_UNKNOWN, "failed", \
      "no domain controller gives a ticket; the host was not asked", \
      "is a domain controller (KDC) up, and does krb5.conf or DNS name it? kinit tries the same") \
    X(WMI_SEAL, "wmi", TK_UNKNOWN, "failed", \
      "a message is not encrypted as agreed", \
      "see who or what answers in the place of {node}: a proxy on the way, or another program") \
    X(WMI_ACCESS, "wmi", TK_UNKNOWN, "configuration", \
      "the account lacks the rights", \
      "make the account an administrator of {node}, or put it into Hyper-V Administrators " \
      "and Remote Management Users there") \
    X(WMI_TLS, "wmi", TK_UNKNOWN, "configuration", \
      "the certificate of the host does not verify", \
      "renew the certificate of {node}'s WinRM listener, or name its authority's with ca in " \
      "parameters.lua") \
    X(WMI_NOT_FOUND, "wmi", TK_UNKNOWN | TK_SETTLES, "failed", \
      "no such object", \
      "somebody removed it meanwhile: the same command again looks afresh") \
    X(WMI_BAD_CLASS, "wmi", TK_UNKNOWN, "failed", \
      "no such class or namespace", \
      "is the role Hyper-V installed on {node}, and is its service vmms running (Get- " \
      "Service vmms)?") \
    X(WMI_BAD_QUERY, "wmi", TK_UNKNOWN, "failed", \
      "the query is not understood", \
      "is {node} a Windows Server 2016 or later? takeover check tells what it knows") \
    X(WMI_BAD_PARAMETER, "wmi", TK_UNKNOWN, "failed", \
      "a parameter was refused", \
      NULL) \
    X(WMI_FAULT, "wmi", TK_UNKNOWN | TK_SETTLES, "failed", \
      "the management service reported a fault", \
      "restart the service vmms on {node} (Restart-Service vmms; running machines go on), " \
      "then the same command again") \
    X(WMI_BAD_ANSWER, "wmi", TK_UNKNOWN, "failed", \
      "the answer is not valid WS-Management", \
      "does the address of {node} lead to WinRM, or to a proxy or another program?") \
    X(WMI_TOO_LARGE, "wmi", TK_UNKNOWN, "failed", \
      "the answer exceeds a limit", \
      "does the address of {node} lead to WinRM, or to a proxy or another program?") \
    X(WMI_JOB_FAILED, "wmi", TK_SETTLES, "failed", \
      "the job ended with an error", \
      "the log Hyper-V-VMMS of {node} (Event Viewer) has the job's cause; mend it, then the " \
      "same command again") \
    X(WMI_JOB_LOST, "wmi", TK_UNKNOWN | TK_SETTLES, "failed", \
      "the job vanished before its result was seen", \
      "was the service vmms of {node} restarted? The same command again looks what came of " \
      "the job and goes on") \
    X(WMI_JOB_TIMEOUT, "wmi", TK_UNKNOWN, "failed", \
      "the job did not end in time", \
      "restart the service vmms on {node} (Restart-Service vmms; running machines go on), " \
      "then the same command again") \
    X(WMI_METHOD_FAILED, "wmi", TK_UNKNOWN | TK_SETTLES, "failed", \
      "the method returned an error", \
      "the log Hyper-V-VMMS of {node} (Event Viewer) has the cause; mend it, then the same " \
      "command again") \
    /* Hyper-V and plug and play */ \
    X(HYPERV_VM_NOT_FOUND, "hyperv", TK_SETTLES, "failed", \
      "no such virtual machine", \
      "takeover vm list shows the machines that the nodes know") \
    X(HYPERV_AMBIGUOUS, "hyperv", TK_UNKNOWN, "failed", \
      "several virtual machines have this name", \
      "write the right one's id in parameters.lua: vms.{vm}.id") \
    X(HYPERV_STATE, "hyperv", TK_SETTLES, "failed", \
      "the virtual machine is in the wrong state for this", \
      "bring it into that state in Hyper-V Manager on {node}, then the same command again") \
    X(HYPERV_IN_USE, "hyperv", TK_TRANSIENT | TK_SETTLES, "failed", \
      "the object is in use", \
      "find the program that has it open (backup, antivirus, Hyper-V on another node) and " \
      "let it end; then the same command again") \
    X(HYPERV_EXISTS, "hyperv", TK_SETTLES, "failed", \
      "the virtual machine is already registered", \
      "look at the machine of that id in Hyper-V Manager on {node}; remove the registration " \
      "that is not in use") \
    X(HYPERV_NO_DEFINITION, "hyperv", 0, "failed", \
      "no configuration file found", \
      "is the shared disk connected to {node}, and is vms.{vm}.path right?") \
    X(HYPERV_INVALID, "hyperv", 0, "failed", \
      "the configuration does not validate on this host", \
      "mend on {node} what Hyper-V names (switch, disk file, memory); takeover check " \
      "compares the nodes") \
    X(HYPERV_ACCESS, "hyperv", 0, "failed", \
      "a file of the virtual machine may not be opened", \
      "give the machine its rights back: icacls FILE /grant \"NT VIRTUAL MACHINE\\{id}\":(F)") \
    X(HYPERV_RESOURCES, "hyperv", 0, "failed", \
      "the host lacks memory or address space", \
      "free memory on {node} or lower the machine's; for address space lower vms.{vm}.mmio, " \
      "or allow Above 4G Decoding in its firmware") \
    X(HYPERV_DEVICE_GONE, "hyperv", TK_SETTLES, "failed", \
      "an assigned device is no longer present", \
      "look at power and cable of the card; the same command again removes the stale record " \
      "and assigns afresh") \
    X(HYPERV_NOT_ASSIGNABLE, "hyperv", 0, "failed", \
      "the device cannot be assigned", \
      "is the card dismounted and free of other machines (takeover gpu list), and are " \
      "SR-IOV and ACS on in the firmware of {node}?") \
    X(HYPERV_GUEST, "hyperv", TK_TRANSIENT, "failed", \
      "the guest does not answer", \
      "log in to the guest: does it hang, are its integration services running?") \
    X(PNP_NOT_FOUND, "pnp", TK_SETTLES, "failed", \
      "no such device on this node", \
      "look at power and cable of the card; takeover gpu list says where it is, pnputil " \
      "/scan-devices looks again") \
    X(PNP_FAILED, "pnp", TK_SETTLES, "failed", \
      "the device could not be enabled or disabled", \
      "end the programs that use the card on {node}; if its driver stays stuck, {node} " \
      "needs a restart") \
    /* the small ones */ \
    X(ECX_FAILED, "ecx", TK_UNKNOWN, "failed", \
      "an EXPRESSCLUSTER command failed", \
      "is EXPRESSCLUSTER running on this server (clpstat), and is its bin directory in PATH?") \
    X(CLUSTER_FAILED, "cluster", TK_UNKNOWN, "failed", \
      "a command of Pacemaker failed", "crm_mon -1 on this node shows why") \
    X(FS_FAILED, "fs", TK_UNKNOWN, "failed", \
      "a file operation failed", \
      "look at the disk: is it connected to {node}, writable, and is there room?") \
    X(FS_NOT_FOUND, "fs", TK_UNKNOWN, "failed", \
      "no such file", \
      "is the disk connected to {node}, and is the path right?") \
    X(FS_UNSAFE, "fs", TK_UNKNOWN, "configuration", \
      "the file may be changed by others", \
      "take the write permission away from others, or use --trust-writable-files") \
    X(FS_LOCKED, "fs", TK_UNKNOWN, "busy", \
      "another process holds the lock", \
      "another run holds it and ends by itself; then the same command again") \
    X(JOURNAL_FAILED, "journal", TK_UNKNOWN, "not_writable", \
      "the journal cannot be written or read", \
      "make room, or name a directory that can be written: --state DIR") \
    X(PROCESS_FAILED, "process", TK_UNKNOWN, "failed", \
      "a program could not be started", \
      "is the program installed, and in a directory of PATH?") \
    X(SECRET_MISSING, "secret", TK_UNKNOWN, "configuration", \
      "a secret is not there", \
      "takeover secret set NAME") \
    X(SECRET_UNSAFE, "secret", TK_UNKNOWN, "configuration", \
      "a secret can be read by others", \
      "take the read permission away from others") \
    X(SECRET_UNREADABLE, "secret", TK_UNKNOWN, "configuration", \
      "a secret cannot be encrypted or decrypted here", \
      "set it again on this computer: takeover secret set NAME") \
    X(JSON_INVALID, "json", TK_UNKNOWN, "failed", \
      "the text is not valid JSON", \
      NULL) \
    X(XML_INVALID, "xml", TK_UNKNOWN, "failed", \
      "the text is not acceptable XML", \
      NULL) \
    X(HTTPD_FAILED, "httpd", TK_UNKNOWN, "failed", \
      "the lab's server could not be started", \
      "is another program listening on that port? --port names another")
// clang-format on

#define TK_FAILURE_ENUM(code, source, flags, exit, meaning, remedy) TK_##code,
enum tk_code { TK_FAILURE_CODES(TK_FAILURE_ENUM) TK_CODE_COUNT };
#undef TK_FAILURE_ENUM

#endif
