@0xe3b1a6a1f0c30001;
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("greeter");

struct Hello @0xe3b1a6a1f0c30010 { name @0 :Text; }
struct Greeting @0xe3b1a6a1f0c30011 { text @0 :Text; count @1 :UInt64; }
