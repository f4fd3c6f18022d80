#pragma once
// The names of many keys in their order, a few bytes beside each.

#include <map>
#include <string>

#include "runtime/base/bytes.hpp"

namespace themis {

/// A set of texts of 1 to 255 bytes: sorted blocks of kBlockBytesMax, found by a tree of their
/// first names, so that no name has a node and a string of its own. One thread.
class KeySet {
 public:
  static constexpr size_t kBlockBytesMax = 2'048;

  /// False: it was there.
  bool insert(std::string_view name);
  /// False: it was not.
  bool erase(std::string_view name);
  /// The first name not before `name`, or, with `after`, behind it; empty: none. Valid until the
  /// next change.
  std::string_view find_next(std::string_view name, bool after = false) const;
  size_t size() const { return size_; }

 private:
  /// Each name behind a byte with its length.
  using Block = std::string;
  using Blocks = std::map<std::string, Block, std::less<>>;

  static size_t place_of(const Block& block, std::string_view name);
  static std::string_view name_at(const Block& block, size_t at);
  Blocks::iterator block_of(std::string_view name);
  void split(Blocks::iterator full);

  Blocks blocks_;  ///< By a text that none of its names is before; the first by the empty one.
  size_t size_ = 0;
};

}  // namespace themis
