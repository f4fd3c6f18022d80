#pragma once
// The codes of other nodes' fronts that this node has run, on disk: each travels here once.

#include <caf/allowed_unsafe_message_type.hpp>
#include <memory>

#include "actors/system/pool_actor.hpp"
#include "actors/worker/worker_api.hpp"
#include "runtime/store/blob_store.hpp"

namespace themis {

/// Borrows its environment, which outlives it. Blocks. One thread.
class CodeShelf {
 public:
  /// Whoever this node runs codes for may send any.
  static constexpr size_t kBytesMax = size_t{256} << 20;

  /// Errors: those of BlobStore.
  static Result<CodeShelf> open(storage::Environment& environment, size_t bytes_max = kBytesMax);
  /// Errors: not_found, forged (damaged on disk), io.
  Result<Bytes> load(const CodeId& id) const { return codes_.get(id); }
  /// Past the limit others go, any. Errors: too_large, overloaded, io.
  Status keep(ByteView source);
  size_t bytes() const { return bytes_; }

 private:
  CodeShelf(storage::BlobStore codes, size_t bytes, size_t bytes_max)
      : codes_(codes), bytes_(bytes), bytes_max_(bytes_max) {}

  storage::BlobStore codes_;
  size_t bytes_ = 0;
  size_t bytes_max_;
};

/// -> std::shared_ptr<const Bytes>. Errors: those of CodeShelf::load.
struct TakeFromShelf {
  CodeId id{};
};
/// One-way.
struct PutOnShelf {
  std::shared_ptr<const Bytes> source;
};

/// The shelf as an actor of the scheduler's pool.
class CodeShelfActor final : public PoolActor {
 public:
  CodeShelfActor(caf::actor_config& config, CodeShelf shelf) : PoolActor(config), shelf_(shelf) {}
  const char* name() const override { return "oyster-codes"; }

 private:
  caf::behavior make_behavior() override;

  CodeShelf shelf_;
};

}  // namespace themis

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::TakeFromShelf)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(themis::PutOnShelf)
