-- parameters.lua of a larger site: four servers, three I/O boxes, virtual machines that ask for a
-- GPU by description. `takeover lab --cluster fleet` simulates it. examples/parameters.lua explains
-- the rest.
return {
  eem = { url = "http://192.168.0.150:30500/eem", user = "admin", password = secret "eem" },
  wmi = { user = "takeover", password = secret "wmi" },

  nodes = {
    ms1 = { group_id = 50, address = "192.168.0.131", board = "0x8cdf9d912001" },
    ms2 = { group_id = 150, address = "192.168.0.132", board = "0x8cdf9d912002" },
    ms3 = { group_id = 250, address = "192.168.0.133", board = "0x8cdf9d912003" },
    ms4 = { group_id = 350, address = "192.168.0.134", board = "0x8cdf9d912004" },
  },

  -- Everything beside the id is for people and for requests, except vendor and device: they must
  -- stand here where ExpEther Manager cannot see the card itself. `takeover gpu suggest` writes an
  -- entry for a card that is not here yet.
  devices = {
    ["0x8cdf9d920101"] = {
      name = "gpu-a1", box = "box1", model = "GeForce RTX 2060", memory = "6GiB",
      labels = { purpose = "training" },
    },
    ["0x8cdf9d920102"] = {
      name = "gpu-a2", box = "box1", model = "GeForce RTX 2060", memory = "6GiB",
      labels = { purpose = "training" },
    },
    ["0x8cdf9d920103"] = {
      name = "gpu-a3", box = "box1", model = "Quadro RTX 4000", memory = "8GiB",
      labels = { purpose = "desktop" },
    },
    -- behind switches of their own: ExpEther Manager shows those
    ["0x8cdf9d920201"] = {
      name = "gpu-b1", box = "box2", vendor = "10de", device = "1db4", model = "Tesla V100",
      memory = "16GiB", labels = { purpose = "compute" },
    },
    ["0x8cdf9d920202"] = {
      name = "gpu-b2", box = "box2", vendor = "10de", device = "1db4", model = "Tesla V100",
      memory = "16GiB", labels = { purpose = "compute" },
    },
    ["0x8cdf9d920203"] = {
      name = "gpu-b3", box = "box2", model = "A100", memory = "40GiB",
      labels = { purpose = "compute" },
    },
    -- in a 10G slot, of which ExpEther Manager shows nothing
    ["0x743a65930301"] = {
      name = "gpu-c1", box = "box3", vendor = "10de", device = "1f08",
      model = "GeForce RTX 2060", memory = "6GiB", labels = { purpose = "training" },
    },
  },

  vms = {
    -- any card of a model with a label
    train1 = {
      path = [[G:\Hyper-V\train1]], group = "Failover-train1", priority = 10,
      gpus = { { vendor = "10de", device = "1f08", labels = { purpose = "training" } } },
    },
    -- two at once, in the same box; with one of them it may start, degraded
    sim1 = {
      path = [[H:\Hyper-V\sim1]], group = "Failover-sim1", priority = 20,
      gpus = { { model = "Tesla V100", count = 2, min = 1, same_box = true } },
    },
    -- this very card
    legacy = {
      path = [[I:\Hyper-V\legacy]], group = "Failover-legacy", nodes = { "ms3", "ms4" },
      gpus = { { id = "0x743a65930301" } },
    },
    desk1 = {
      path = [[J:\Hyper-V\desk1]], group = "Failover-desk1",
      gpus = { { labels = { purpose = "desktop" } } },
    },
    desk2 = {
      path = [[K:\Hyper-V\desk2]], group = "Failover-desk2",
      gpus = { { labels = { purpose = "desktop" } } },
    },
    -- the best that there is
    big = {
      path = [[L:\Hyper-V\big]], group = "Failover-big",
      gpus = {
        { first_of = { { min_memory = "32GiB" }, { labels = { purpose = "compute" } } } },
      },
    },
  },

  placement = { policy = "spread" },
}
