#include "actors/oyster/code_shelf.hpp"

#include <caf/all.hpp>

#include "actors/services/function_store_actor.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "runtime/base/log.hpp"

namespace themis {
namespace {

constexpr std::string_view kTable = "oyster-codes";

}  // namespace

Result<CodeShelf> CodeShelf::open(storage::Environment& environment, size_t bytes_max) {
  THEMIS_TRY(const storage::BlobStore codes,
             storage::BlobStore::open(environment, kTable, crypto::blake2b));
  size_t bytes = 0;
  THEMIS_CHECK(codes.list([&](const storage::BlobId&, size_t size) {
    bytes += size;
    return true;
  }));
  return CodeShelf(codes, bytes, bytes_max);
}

Status CodeShelf::keep(ByteView source) {
  THEMIS_TRY(const bool is_here, codes_.contains(crypto::blake2b(source)));
  if (is_here) {
    THEMIS_CHECK(codes_.put(source));  // a damaged one is mended
    return {};
  }
  std::vector<storage::BlobId> gone;
  size_t freed = 0;
  THEMIS_CHECK(codes_.list([&](const storage::BlobId& id, size_t size) {
    if (bytes_ - freed + source.size() <= bytes_max_) return false;
    gone.push_back(id);
    freed += size;
    return true;
  }));
  for (const storage::BlobId& id : gone) THEMIS_CHECK(codes_.erase(id));
  bytes_ -= freed;
  THEMIS_CHECK(codes_.put(source));
  bytes_ += source.size();
  return {};
}

caf::behavior CodeShelfActor::make_behavior() {
  set_default_handlers(*this);
  return {[this](const TakeFromShelf& wanted) -> caf::result<CodePtr> {
            auto source = shelf_.load(wanted.id);
            if (!source) return to_caf(source.error());
            return std::make_shared<const Bytes>(std::move(*source));
          },
          [this](const PutOnShelf& code) {
            if (const Status kept = shelf_.keep(*code.source); !kept)
              log::warn("oyster", "a code is not kept: {}", kept.error().text());
          }};
}

}  // namespace themis
