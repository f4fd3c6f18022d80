@0xd6a1f1d0c3a90006;
# What functions log, read by the node that deployed them.
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("themis::schema");

struct ReadLog @0xd6a1f1d0c3a90064 {   # answered with LogPage, or Failure
  function @0 :Text;
  after @1 :UInt64;                    # number of the last line that is known; 0: none
  level @2 :UInt8;                     # 0 debug to 3 error: that and above
  sinceMs @3 :Int64;                   # since 1970
  reader @4 :UInt64;                   # not 0: wait for a line, in place of this reader's last wait
}
struct LogPage @0xd6a1f1d0c3a90065 {
  lines @0 :List(Line);
  next @1 :UInt64;                     # after of what follows
  restarted @2 :Bool;                  # what came between is not known
  struct Line {
    sequence @0 :UInt64;
    timeMs @1 :Int64;
    level @2 :UInt8;
    lost @3 :UInt32;                   # lines before this one that were not kept
    text @4 :Text;
  }
}
