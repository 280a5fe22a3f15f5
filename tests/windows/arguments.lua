-- Its arguments, one on each line.
for _, argument in ipairs({ ... }) do
  print(argument)
end
