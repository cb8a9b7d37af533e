# /// script
# dependencies = []
# ///
# ///

# /// other
#
# ///
# /// script
# a = 1