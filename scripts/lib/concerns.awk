# What of a patch concerns a tree.
#
#   awk -v tree=TREE/ [-v list=1] -f concerns.awk [PATCH]
#
# Prints the patch without its changes to manuals and lists of tests that the
# tree was shipped without; with list=1, prints the names of these files instead.
# A file outside lib/ and include/ that is not in the tree is passed over, unless
# the patch makes it. The scripts and the harness both ask here.
held != "" {
  if(/^new file mode /) over = 0
  if(list && over) print file
  if(!list && !over) print held
  held = ""
}
/^diff --git a\// {
  held = $0
  file = substr($4, 3)
  over = file !~ /^(lib|include)\// && (getline line <(tree file)) < 0
  close(tree file)
  next
}
!list && !over
