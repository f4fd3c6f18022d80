@0xe3b1a6a1f0c30003;
# The back-end of the paper's example (section 7): are these a known user's credentials?
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("twiitr");

struct Check @0xe3b1a6a1f0c30020 { user @0 :Text; password @1 :Text; }
struct Verdict @0xe3b1a6a1f0c30021 {
  known @0 :Bool;
  version @1 :Text;   # of the instance that answered: shows a canary at work
  node @2 :UInt64;    # its process
}
