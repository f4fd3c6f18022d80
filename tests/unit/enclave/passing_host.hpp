#pragma once
// A host that stands between a store and its trusted side.

#include "enclave/seal/trusted_side.hpp"

namespace themis::tests {

/// Passes everything on; a test's host does something else with some of it.
struct PassingHost : seal::TrustedSide {
  explicit PassingHost(seal::TrustedSide& to) : side(to) {}
  Status start(ByteView sealed) override { return side.start(sealed); }
  Status started() override { return side.started(); }
  Status apply(uint16_t thread, ByteView batch) override { return side.apply(thread, batch); }
  Status certify() override { return side.certify(); }
  Result<Bytes> seal() override { return side.seal(); }
  Result<Bytes> checkpoint() override { return side.checkpoint(); }
  Result<seal::Released> confirm() override { return side.confirm(); }
  Result<seal::Released> release() override { return side.release(); }
  std::optional<uint32_t> certified() const override { return side.certified(); }
  const monitor::InstanceId& instance() const override { return side.instance(); }
  seal::ClientDesk* clients() override { return side.clients(); }

  seal::TrustedSide& side;
};

}  // namespace themis::tests
