import sys

words = sys.argv[1:] or ["nobody"]
print "Python %d.%d greets %s" % (sys.version_info[0], sys.version_info[1], ", ".join(words))
