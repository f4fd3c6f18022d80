@0xd6a1f1d0c3a9000f;
# What functions take of memory, asked when somebody looks.
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("themis::schema");

struct MeasureHost @0xd6a1f1d0c3a900f0 {}       # to a function host; answered with HostMeasured
struct HostMeasured @0xd6a1f1d0c3a900f1 {
  isolates @0 :List(Isolate);
  struct Isolate { code @0 :Data; memoryKb @1 :UInt32; }   # code as in Load
}

struct MeasureFunctions @0xd6a1f1d0c3a900f2 {   # node to node; answered with FunctionsMeasured
  names @0 :List(Text);
}
struct FunctionsMeasured @0xd6a1f1d0c3a900f3 {
  functions @0 :List(Function);                 # those of the names that run there, by version
  struct Function {
    name @0 :Text;
    version @1 :UInt32;
    isolates @2 :UInt32;
    memoryKb @3 :UInt64;
  }
}
