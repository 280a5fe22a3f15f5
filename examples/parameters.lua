-- parameters.lua: everything Takeover has to know about a site. `takeover check` reads it and says
-- what is wrong, with line and key. It is Lua: a comment begins with two dashes, [[G:\Hyper-V]] is
-- text without escapes.
return {
  -- ExpEther Manager. The password is kept in <state>/secrets/eem, readable by its owner only, or
  -- in the environment as TAKEOVER_SECRET_EEM.
  eem = { url = "http://192.168.0.150:30500/eem", user = "admin", password = secret "eem" },

  -- How to reach Hyper-V on the nodes from elsewhere: WS-Management (WinRM). Counts for all nodes;
  -- a node may have its own.
  wmi = { user = "takeover", password = secret "wmi" },

  -- The servers, by host name, with their ExpEther group ids.
  nodes = {
    ms1 = { group_id = 50, address = "192.168.0.130" },
    ms2 = { group_id = 150, address = "192.168.0.200" },
  },

  -- The cards in the I/O boxes, by EEM id.
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
      gpus = { { id = "0x8cdf9d911c60" } },
      mmio = { low = "3GiB", high = "33280MiB" },
    },
  },
}
