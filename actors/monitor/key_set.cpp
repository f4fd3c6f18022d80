#include "actors/monitor/key_set.hpp"

namespace themis {

std::string_view KeySet::name_at(const Block& block, size_t at) {
  return std::string_view(block).substr(at + 1, static_cast<uint8_t>(block[at]));
}

/// Of the first name not before `name`; the block's end: all are.
size_t KeySet::place_of(const Block& block, std::string_view name) {
  size_t at = 0;
  while (at < block.size() && name_at(block, at) < name) at += 1 + name_at(block, at).size();
  return at;
}

KeySet::Blocks::iterator KeySet::block_of(std::string_view name) {
  if (blocks_.empty()) blocks_.emplace();
  return std::prev(blocks_.upper_bound(name));
}

bool KeySet::insert(std::string_view name) {
  THEMIS_ASSERT(!name.empty() && name.size() <= UINT8_MAX, "a name's length fits its byte");
  const auto found = block_of(name);
  Block& block = found->second;
  const size_t at = place_of(block, name);
  if (at < block.size() && name_at(block, at) == name) return false;
  block.insert(at, 1, static_cast<char>(name.size()));
  block.insert(at + 1, name);
  ++size_;
  if (block.size() > kBlockBytesMax) split(found);
  return true;
}

void KeySet::split(Blocks::iterator full) {
  Block& block = full->second;
  size_t at = 0;
  while (at < block.size() / 2) at += 1 + name_at(block, at).size();
  blocks_.emplace_hint(std::next(full), name_at(block, at), block.substr(at));
  block.resize(at);
  block.shrink_to_fit();
}

bool KeySet::erase(std::string_view name) {
  const auto found = block_of(name);
  Block& block = found->second;
  const size_t at = place_of(block, name);
  if (at == block.size() || name_at(block, at) != name) return false;
  block.erase(at, 1 + name.size());
  --size_;
  if (block.empty() && !found->first.empty()) blocks_.erase(found);
  return true;
}

std::string_view KeySet::find_next(std::string_view name, bool after) const {
  auto found = blocks_.upper_bound(name);
  if (found != blocks_.begin()) --found;
  for (; found != blocks_.end(); ++found) {
    const Block& block = found->second;
    size_t at = place_of(block, name);
    if (after && at < block.size() && name_at(block, at) == name) at += 1 + name.size();
    if (at < block.size()) return name_at(block, at);
  }
  return {};
}

}  // namespace themis
