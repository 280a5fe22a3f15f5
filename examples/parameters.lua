-- parameters.lua: everything Takeover has to know about a site. `takeover check` reads it and says
-- what is wrong, with line and key. It is Lua: a comment begins with two dashes, [[G:\Hyper-V]] is
-- text without escapes.
return {
  -- ExpEther Manager. The password is kept in <state>/secrets/eem, readable by its owner only, or
  -- in the environment as TAKEOVER_SECRET_EEM.
  eem = { url = "http://192.168.0.150:30500/eem", user = "admin", password = secret "eem" },

  -- How to reach Hyper-V on the nodes from elsewhere: WS-Management (WinRM), by Kerberos or NTLM,
  -- encrypted (docs/winrm.md). Counts for all nodes; a node may have its own.
  wmi = { user = "takeover@EXAMPLE.COM", password = secret "wmi" },

  -- The servers, by host name, with their ExpEther group ids.
  nodes = {
    ms1 = { group_id = 50, address = "192.168.0.130" },
    ms2 = { group_id = 150, address = "192.168.0.200" },
  },

  -- The cards in the I/O boxes, by EEM id. Labels are your own words; requests may ask for them.
  -- Where several cards of one model are on a node, locations = { ms1 = "PCIROOT(...)..." } tells
  -- them apart; box = "box1" says what fails together; `takeover gpu suggest` prepares an entry.
  devices = {
    ["0x8cdf9d911c60"] = {
      name = "gpu1", labels = { purpose = "training" },
      vendor = "10de", device = "1f08", -- GeForce RTX 2060
    },
  },

  -- The virtual machines.
  vms = {
    vme2 = {
      path = [[G:\Hyper-V\vme2]],
      group = "Failover-vme2",
      -- This very card. Or any that fits, chosen anew at each start:
      --   { labels = { purpose = "training" } }                       by label
      --   { vendor = "10de", device = "1f08", count = 2, min = 1 }    two, or one and DEGRADED
      --   { first_of = { { min_memory = "16GiB" }, { class = "03" } } }   the first that can be had
      gpus = { { id = "0x8cdf9d911c60" } },
      mmio = { low = "3GiB", high = "33280MiB" },
    },
  },
}
