# /// script
# a = 1
# ///

# /// script
#
# ///
