-- Where everything stands in the drawing of a cluster: the servers with their virtual machines on
-- the left, the I/O boxes with their devices on the right, a link from each device to who has it.
-- Plain arithmetic on a situation.
--
-- Boxes stand in the order of the servers that they serve, servers beside their devices as far as
-- there is room, so that links are short also where there are many. A link that would go far is not
-- drawn: its two ends name each other instead.
local M = {}

M.NODE_X, M.NODE_WIDTH = 10, 340
M.BOX_X, M.BOX_WIDTH = 580, 560
M.WIDTH = M.BOX_X + M.BOX_WIDTH + 10
M.HEAD, M.ROW, M.GAP, M.PAD = 30, 22, 14, 8
local FAR = 450 -- from top to bottom: more than the eye follows among many links

---- what stands together --------------------------------------------------------------------------

local NOWHERE, NO_BOX = "on no server that is known", "in no declared box"

local function place_of(device)
  if device.box then
    return device.box
  elseif device.kind == "partitionable" and not device.card then
    return "in " .. tostring(device.node)
  end
  return NO_BOX
end

local function group(list, key_of)
  local groups, order = {}, {}
  for _, one in ipairs(list) do
    local key = key_of(one)
    if not groups[key] then
      groups[key] = { title = key, list = {} }
      order[#order + 1] = groups[key]
    end
    table.insert(groups[key].list, one)
  end
  return order, groups
end

-- The one in the middle, which a few far ones do not pull away as they do an average; nil of none.
local function median(list)
  table.sort(list)
  return list[(#list + 1) // 2]
end

-- Boxes in the order of the servers that their devices are with.
local function boxes_of(situation)
  local number = {}
  for i, node in ipairs(situation.nodes) do
    number[node.name] = i
  end
  local boxes = group(situation.devices, place_of)
  for _, box in ipairs(boxes) do
    local numbers = {}
    for _, device in ipairs(box.list) do
      numbers[#numbers + 1] = number[device.node or ""]
    end
    box.order = median(numbers) or math.huge
    table.sort(box.list, function(a, b)
      return (a.name or a.id) < (b.name or b.id)
    end)
  end
  table.sort(boxes, function(a, b)
    if (a.title == NO_BOX) ~= (b.title == NO_BOX) then
      return b.title == NO_BOX
    elseif a.order ~= b.order then
      return a.order < b.order
    end
    return a.title < b.title
  end)
  return boxes
end

---- where it stands -------------------------------------------------------------------------------

local function height_of(rows)
  return M.HEAD + rows * M.ROW + M.PAD
end

local function place_rows(block, list, field)
  block.rows = {}
  for i, one in ipairs(list) do
    block.rows[i] = { y = block.y + M.HEAD + (i - 0.5) * M.ROW, [field] = one }
  end
end

local function place_boxes(boxes)
  local y = M.GAP
  for _, box in ipairs(boxes) do
    box.x, box.y, box.width, box.height = M.BOX_X, y, M.BOX_WIDTH, height_of(#box.list)
    place_rows(box, box.list, "device")
    y = y + box.height + M.GAP
  end
  return y
end

-- Where the devices of each server are, by its name.
local function wishes_of(boxes)
  local all, wishes = {}, {}
  for _, box in ipairs(boxes) do
    for _, row in ipairs(box.rows) do
      local name = row.device.node
      if name then
        all[name] = all[name] or {}
        table.insert(all[name], row.y)
      end
    end
  end
  for name, list in pairs(all) do
    wishes[name] = median(list)
  end
  return wishes
end

-- Values that do not fall and are as near to the wished ones as can be: neighbours that would
-- overtake each other share the middle of their wishes (isotonic regression, by pooling).
local function rising(wishes)
  local pools = {}
  for _, wish in ipairs(wishes) do
    pools[#pools + 1] = { wish, value = wish }
    while #pools > 1 and pools[#pools - 1].value > pools[#pools].value do
      local last = table.remove(pools)
      local into = pools[#pools]
      table.move(last, 1, #last, #into + 1, into)
      into.value = median(into)
    end
  end
  local values = {}
  for _, pool in ipairs(pools) do
    for _ = 1, #pool do
      values[#values + 1] = pool.value
    end
  end
  return values
end

-- From top to bottom, each as near to where it wishes to be as those above and below it allow.
-- What is counted is how far each is moved down from where it would be without any room between.
local function place_blocks(blocks, wishes, height)
  local y, moved = M.GAP, {}
  for i, block in ipairs(blocks) do
    block.x, block.width, block.height = M.NODE_X, M.NODE_WIDTH, height_of(#block.list)
    local wish = block.node and wishes[block.node.name]
    moved[i] = wish and wish - block.height / 2 - y or moved[i - 1] or 0
    block.y = y
    y = y + block.height + M.GAP
  end
  local room = math.max(height - y, 0)
  for i, value in ipairs(rising(moved)) do
    blocks[i].y = blocks[i].y + math.floor(math.min(math.max(value, 0), room))
    place_rows(blocks[i], blocks[i].list, "vm")
  end
  local last = blocks[#blocks]
  return last and last.y + last.height + M.GAP or M.GAP
end

local function place_nodes(situation, boxes, height)
  local blocks = {}
  local _, vms = group(situation.vms, function(vm)
    return vm.node or NOWHERE
  end)
  for i, node in ipairs(situation.nodes) do
    blocks[i] = { title = node.name, node = node, list = (vms[node.name] or { list = {} }).list }
  end
  if vms[NOWHERE] then
    blocks[#blocks + 1] = { title = NOWHERE, list = vms[NOWHERE].list }
  end
  return blocks, place_blocks(blocks, wishes_of(boxes), height)
end

---- links -----------------------------------------------------------------------------------------

-- From whom a device is used, or else the server in whose group it is.
local function ends_of(device, block)
  local users = {}
  for _, key in ipairs(device.users or { device.vm }) do
    users[key] = true
  end
  local ends = {}
  for _, row in ipairs(block.rows) do
    if users[row.vm.key] then
      ends[#ends + 1] = { y = row.y, vm = row.vm }
    end
  end
  if #ends == 0 then
    ends[1] = { y = block.y + M.HEAD / 2 }
  end
  return ends
end

local function links_of(blocks, boxes)
  local by_name, links = {}, {}
  for _, block in ipairs(blocks) do
    if block.node then
      by_name[block.node.name] = block
    end
  end
  for _, box in ipairs(boxes) do
    for _, row in ipairs(box.rows) do
      local device = row.device
      local block = device.node and by_name[device.node]
      for _, from in ipairs(block and ends_of(device, block) or {}) do
        links[#links + 1] = {
          x1 = M.NODE_X + M.NODE_WIDTH, y1 = from.y, x2 = M.BOX_X, y2 = row.y, device = device,
          vm = from.vm, node = block.node, far = math.abs(from.y - row.y) > FAR,
        }
      end
    end
  end
  return links
end

-- Gives { width, height, nodes = blocks with rows { y, vm }, boxes = blocks with rows { y, device
-- }, links = { x1, y1, x2, y2, device, vm?, node } }; a block has x, y, width, height, title.
---@param situation Situation
function M.of(situation)
  local boxes = boxes_of(situation)
  local right = place_boxes(boxes)
  local blocks, left = place_nodes(situation, boxes, right)
  return {
    width = M.WIDTH, height = math.max(left, right), nodes = blocks, boxes = boxes,
    links = links_of(blocks, boxes),
  }
end

return M
