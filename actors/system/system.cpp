#include "actors/system/system.hpp"

#include <caf/all.hpp>

#include "canary.capnp.h"
#include "enclave.capnp.h"
#include "figures.capnp.h"
#include "function.capnp.h"
#include "logs.capnp.h"
#include "ring.capnp.h"
#include "rpc.capnp.h"
#include "state.capnp.h"

namespace themis {
namespace {

caf::actor_system_config& configure(caf::actor_system_config& config,
                                    System::Scheduling scheduling) {
  if (scheduling == System::Scheduling::virtual_time) {
    config.set("scheduler.policy", caf::atom("testing"));
  } else {
    config.set("scheduler.policy", caf::atom("sharing")).set("scheduler.max-threads", size_t{2});
  }
  return config;
}

template <class... Schemas>
void add_all(MessageTypes& types) {
  (types.add<Schemas>(), ...);
}

void add_schemas(MessageTypes& types) {
  using namespace schema;
  add_all<Failure, Ack, Echo>(types);
  add_all<FindNode, FindNodeReply, GetObject, GetObjectReply, Store, HandOver, GetNeighbours,
          Neighbours, Notify, Leave, Ping>(types);
  add_all<FetchCode, CodeBlob, Host, Unhost, Locate, Located, Invoke, Outcome, Load, Loaded,
          CodeCache, Unload, LogLine, Pull, BodyPart, DropFlow>(types);
  add_all<Spawn, Spawned, Probe, Confinement>(types);
  add_all<StartMonitors, MonitorsStarted, MonitorBatch, FinishReplay, CertifyEpochs, Certified,
          SealState, SealedState, ConfirmState, Released, RegisterClient, AdmitCall, CallAdmitted>(
      types);
  add_all<AskState, StateAnswered>(types);
  add_all<ReadLog, LogPage, HostCanary, MeasureHost, HostMeasured, MeasureFunctions,
          FunctionsMeasured>(types);
}

}  // namespace

struct System::Impl {
  caf::actor_system_config config;
  caf::actor_system system;
  explicit Impl(Scheduling scheduling) : system(configure(config, scheduling)) {}
};

System::System(Scheduling scheduling) : impl_(std::make_unique<Impl>(scheduling)) {
  add_schemas(types_);
}
System::~System() = default;

caf::actor_system& System::caf() { return impl_->system; }

}  // namespace themis
