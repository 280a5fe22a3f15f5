-- Facts about a GPU and the fabric: free, connected to this node through ExpEther Manager, given
-- back.
-- Sources of the protocol facts: docs/protocols.md.
local failure = require("failure")
local failover = require("failover")
local locator = require("failover.devices.locator")
local evidence = require("failover.safety.evidence")
local claim = require("failover.devices.claim")
local scheduler = require("core.scheduler")
local step = failover.step

-- The change was accepted: is it there? A "yes" without effect may be tried once more. Gives the
-- device where another node of ours was quicker.
local function read_back(c, gpu, before, wanted)
  local now = c.eem:device(gpu.id)
  if wanted(now) then
    return nil
  elseif now.group_id ~= before and claim.is_lost(c, gpu, now) then
    return now
  end
  if now.group_id ~= before then
    locator.second_writer(gpu, now)
  end
  failure.raise({
    code = "EEM_NOT_APPLIED",
    target = gpu.id,
    message = string.format("ExpEther Manager accepted the change of %s, but its group is still %s",
      gpu.title,
      tostring(before)),
  })
end

local function free(device)
  return device.free
end

-- The node in whose group the device is. Refuses where that is nobody we know.
local function holder_of(c, gpu, device)
  return evidence.node_of_group(c, device.group_id)
    or failure.raise({
      code = "REFUSED", target = gpu.id,
      message = string.format("%s is in group %s, which belongs to no node in parameters.lua",
        gpu.title, tostring(device.group_id)),
      hint = "free it in ExpEther Manager if nobody uses it (eemcli del_gid), or give that node in "
        .. "parameters.lua",
    })
end

local function elsewhere(c, device)
  return not device.free and device.group_id ~= c.this.group_id
end

-- Has somebody put it into a group since it was chosen, or freed by us? What a node that answers
-- has got is not taken from it. One that does not answer may have asked for it before it died. (Of
-- those chosen by description another run of ours may have been quicker; that is seen when it is
-- connected.)
local function is_moved(c, gpu, device)
  if not elsewhere(c, device) or device.group_id == (gpu.freed or gpu.seen_group)
    or claim.is_lost(c, gpu, device) then
    return false
  end
  local holder = evidence.node_of_group(c, device.group_id)
  return gpu.freed ~= nil or not holder or evidence.peer(c, holder).reachable
end

-- Board of this node as EEM shows it, and how many devices it has; refuses where no more fit.
local function check_capacity(c, gpu)
  local own, boards, others = c.this.group_id, 0, 0
  local most
  for _, device in ipairs(c.eem:devices({ group_id = own })) do
    if device.kind == "board" then
      boards = boards + 1
      most = device.max_devices
      if device.power == "off" then
        failure.raise({
          code = "NO_DEVICE", node = c.node,
          message = "ExpEther Manager shows the board of " .. c.node .. " powered off",
          hint = "look at the ExpEther board of " .. c.node .. " and its cable to the switch",
        })
      end
    elseif device.id ~= gpu.id then
      others = others + 1
    end
  end
  if boards == 0 then
    failure.raise({
      code = "NO_DEVICE", node = c.node,
      message = string.format("no server board is in group %d: is group_id of %s right?", own,
        c.node),
      hint = "nodes." .. c.node .. ".group_id in parameters.lua is the group in which ExpEther "
        .. "Manager shows this server's board",
    })
  end
  if most and others >= most then
    failure.raise({
      code = "REFUSED", node = c.node,
      message = string.format("the board of %s holds %d devices already, and no more fit", c.node,
        others),
      hint = "give one of them back (takeover gpu list shows them), or let another node have it",
    })
  end
  return others
end

-- Asked before anything is changed, so that a refusal touches nothing.
local may_be_taken = step "GPU free, or evidence that it may be taken" {
  within = 30,
  holds = function(c)
    for _, gpu in ipairs(locator.chosen(c)) do
      local device = c.eem:device(gpu.id)
      if is_moved(c, gpu, device) then
        locator.second_writer(gpu, device)
      elseif device.group_id ~= c.this.group_id then
        check_capacity(c, gpu)
      end
      if gpu.victim and evidence.used_on(c, gpu, gpu.seen_on) then
        return false, gpu.title .. " is used on " .. gpu.seen_on .. " until it is given up"
      elseif elsewhere(c, device) then
        return true, evidence.for_taking(c, gpu, holder_of(c, gpu, device))
      end
    end
    return true
  end,
}

-- Takes a device out of the group of another node, with evidence. That somebody else did it at the
-- same instant is seen when it is connected.
local function take_away(c, gpu, device)
  local holder = holder_of(c, gpu, device)
  local why = evidence.for_taking(c, gpu, holder)
  c:note(string.format("taking %s from %s: %s", gpu.title, holder, why), {
    device = gpu.id, from = holder,
  })
  gpu.freed = device.group_id
  local changed, refused = failover.try(c.eem.disconnect, c.eem, gpu.id)
  if changed ~= nil then
    read_back(c, gpu, device.group_id, free)
  elseif refused.code ~= "EEM_REFUSED" or not gpu.described
    or c.eem:device(gpu.id).group_id == device.group_id then
    error(refused, 0)
  end
end

local released = step "GPU not held by another node" {
  within = 60,
  remedy = "look at the device in ExpEther Manager; if it stays linked without a group, switch its "
    .. "I/O box off and on",
  keeps = function(c)
    local titles = {}
    for _, gpu in ipairs(c.gpus or {}) do
      titles[#titles + 1] = gpu.freed and gpu.title or nil
    end
    return #titles > 0 and table.concat(titles, ", ") .. " is in nobody's group: every start can "
      .. "take it"
  end,
  least = 5,
  holds = function(c)
    for _, gpu in ipairs(locator.chosen(c)) do
      local device = c.eem:device(gpu.id)
      if device.free and device.link == "up" then
        return false, gpu.title .. " is free, but its link is still up"
      elseif elsewhere(c, device) then
        if is_moved(c, gpu, device) then
          locator.second_writer(gpu, device)
        elseif not gpu.freed or device.group_id == gpu.freed then
          return false, gpu.title .. " is in the group of " .. holder_of(c, gpu, device)
        end
      end
    end
    return true
  end,
  act = function(c)
    for _, gpu in ipairs(locator.chosen(c)) do
      local device = c.eem:device(gpu.id)
      if is_moved(c, gpu, device) then
        locator.second_writer(gpu, device)
      elseif elsewhere(c, device) then
        take_away(c, gpu, device)
      end
    end
  end,
}

-- Locations of cards of the same model that are here before ours arrives, so that ours can be
-- told by its coming.
local function remember_present(c, gpu)
  gpu.before = {}
  for _, device in ipairs(c.pnp:devices({ vendor = gpu.vendor, device = gpu.device })) do
    gpu.before[device.location or device.id] = true
  end
end

-- A device never leaves a running machine that uses it.
local function refuse_if_used_here(c, gpu)
  local users, certain = evidence.users(c, c.node, gpu)
  if #users > 0 then
    evidence.refuse_used(gpu, c.node, users, certain)
  end
end

-- One after the other in the order of their ids: of two runs that want the same devices at the same
-- instant, one then gets all of them.
local function in_order(c)
  local list = table.move(locator.chosen(c), 1, #locator.chosen(c), 1, {})
  table.sort(list, function(a, b)
    return a.id < b.id
  end)
  return list
end

-- Writes the group id. Gives EEM's record where another node of ours was quicker: its manager may
-- refuse what is in use, or may not (docs/facts/ecx-eem.md#6).
local function write(c, gpu, before)
  gpu.wrote = true
  local changed, refused = failover.try(c.eem.connect, c.eem, gpu.id, c.this.group_id)
  if changed == nil then
    local now = refused.code == "EEM_REFUSED" and gpu.described and c.eem:device(gpu.id)
    if now and now.group_id ~= before and claim.is_lost(c, gpu, now) then
      return now
    end
    error(refused, 0)
  end
  return read_back(c, gpu, before, function(now)
    return now.group_id == c.this.group_id
  end)
end

-- Connects one device. False where that is not to be now, or where another node was quicker and
-- another device was chosen instead.
local function connect(c, gpu)
  local device = c.eem:device(gpu.id)
  if device.free and gpu.late and device.link == "up" then
    return false -- until it is unlinked
  elseif device.free then
    local holder = claim.may_arrive(c, gpu)
    if holder then
      c:note_once(string.format("%s waits for the cards of its model that come for %s", gpu.title,
        holder))
      return false
    end
    if check_capacity(c, gpu) > 0 then
      remember_present(c, gpu)
    end
    device = write(c, gpu, device.group_id) or claim.settled(c, gpu)
  elseif device.group_id == c.this.group_id then
    device = nil
  elseif gpu.late and not gpu.freed and device.group_id == gpu.seen_group then
    take_away(c, gpu, device)
    return false
  end
  if device and claim.is_lost(c, gpu, device) then
    claim.choose_again(c, gpu, claim.why_lost(c, device), true)
    return false
  elseif device then
    locator.second_writer(gpu, device)
  end
  gpu.connected = true
  return true
end

local LINK_REMEDY = "look at power and cables of the device and of its I/O box; takeover gpu list "
  .. "shows group and link"
local CONNECT_WITHIN = 60 -- seconds, where parameters.lua says nothing else
local GAP = 5 -- seconds between two answered looks after which nothing is known of the time between

-- A look has seen the card not connected (yet): since when, and why.
local function waits(gpu, why, unlinked)
  local now, before = scheduler.now(), gpu.waits
  gpu.waits = {
    since = before and now - before.at <= GAP and before.since or now, at = now, why = why,
    unlinked = unlinked,
  }
  return false, why
end

-- Gives a card back whose link does not come up, and chooses another one. False where there is
-- none.
local function choose_another(c, gpu)
  if not gpu.described then
    return false
  end
  local free_again = failover.try(function()
    refuse_if_used_here(c, gpu)
    c.eem:disconnect(gpu.id)
    return not read_back(c, gpu, c.this.group_id, function(now)
      return now.group_id ~= c.this.group_id
    end)
  end)
  if not free_again then
    return false -- the undo tries it again
  end
  local _, none = failover.try(claim.choose_again, c, gpu, "its link does not come up", true)
  if none and none.code ~= "HELD_BY" then
    error(none, 0)
  end
  return none == nil
end

-- A card has not been connected in its time. Where that is its link, another one that fits will do.
local function give_up(c, gpu)
  local within = c.parameters.eem.connect_within or CONNECT_WITHIN
  local message = string.format('"GPU connected to this node" did not become true within %g s: %s',
    within, gpu.waits.why)
  if gpu.waits.unlinked then
    c.quarantine:suspect(gpu.id, message)
    if choose_another(c, gpu) then
      return
    end
  end
  failure.raise({
    code = gpu.waits.unlinked and "LINK_DOWN" or "NOT_REACHED", target = gpu.id, message = message,
    hint = LINK_REMEDY,
  })
end

local connected = step "GPU connected to this node" {
  within = function(c, left) -- each card that is tried has its own time
    return math.max(left, c.parameters.eem.connect_within or CONNECT_WITHIN)
  end,
  remedy = LINK_REMEDY,
  least = 5,
  holds = function(c)
    for _, gpu in ipairs(locator.chosen(c)) do
      local device = c.eem:device(gpu.id)
      if device.group_id ~= c.this.group_id then
        if gpu.wrote and not device.free then
          claim.fail_if_lost(c, gpu, device)
          locator.second_writer(gpu, device)
        end
        return waits(gpu, gpu.title .. " is in group " .. tostring(device.group_id))
      end
      if c.this.board and device.board and device.board ~= c.this.board then
        return waits(gpu, gpu.title .. " is linked to the board " .. device.board
          .. ", not to that of " .. c.node)
      end
      if device.link == "down" then
        return waits(gpu, gpu.title .. " is in the group of " .. c.node
          .. ", but its link is down", true)
      end
      gpu.seen_connected, gpu.waits = true, nil
    end
    return true
  end,
  -- Asked again at each look, until all are connected.
  act = function(c)
    local within = c.parameters.eem.connect_within or CONNECT_WITHIN
    for _, gpu in ipairs(in_order(c)) do
      local over = gpu.waits and gpu.waits.at - gpu.waits.since >= within
      local done = gpu.connected or gpu.seen_connected or gpu.waits and gpu.waits.unlinked
      if not done and not connect(c, gpu) or over then
        if over then
          give_up(c, gpu)
        end
        return false -- looked at from the beginning
      end
    end
    return false
  end,
  undo = function(c)
    for _, gpu in ipairs(locator.chosen(c)) do
      if gpu.wrote then
        local device = c.eem:device(gpu.id)
        if device.group_id == c.this.group_id then -- any other group is not our change any more
          refuse_if_used_here(c, gpu) -- turning the machine off may not have been possible
          c.eem:disconnect(gpu.id)
          -- the fact itself does not tell: without a link it does not hold even in our group
          read_back(c, gpu, device.group_id, function(now)
            return now.group_id ~= c.this.group_id
          end)
        end
      end
    end
  end,
}

-- The device belongs to nobody on this node: used by stop and recover, after the virtual machine
-- is off.
local returned = step "GPU given back to the pool" {
  within = 20,
  remedy = "free it in ExpEther Manager, or leave it: the next start takes it",
  keeps = "the GPU is given back: every start can take it",
  optional = true,
  when = function(c)
    return c.gpus ~= nil
  end,
  holds = function(c)
    for _, gpu in ipairs(locator.chosen(c)) do
      local device = c.eem:device(gpu.id)
      if device.group_id == c.this.group_id then
        return false, gpu.title .. " is still in the group of " .. c.node
      end
      if device.free and device.link == "up" then
        return false, gpu.title .. " is free, but its link is still up"
      end
    end
    return true
  end,
  act = function(c)
    for _, gpu in ipairs(locator.chosen(c)) do
      local device = c.eem:device(gpu.id)
      if device.group_id == c.this.group_id then
        refuse_if_used_here(c, gpu)
        claim.reserve_or_fail(c, gpu)
        c.eem:disconnect(gpu.id)
        read_back(c, gpu, device.group_id, function(now)
          return now.group_id ~= c.this.group_id
        end)
      end
    end
  end,
}

return {
  may_be_taken = may_be_taken,
  released = released,
  connected = connected,
  returned = returned,
}
