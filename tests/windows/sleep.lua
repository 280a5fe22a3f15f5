-- The program that specs use where Linux has sleep.
require("core.scheduler").sleep(tonumber((...)))
