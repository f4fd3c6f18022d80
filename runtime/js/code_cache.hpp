#pragma once
// What V8 compiled of a function's modules, as bytes that another isolate starts from. V8 says
// itself when they are of another version, other flags or another source's length, and otherwise
// believes them: they must come from who may run code here, and be of this very source.

#include <map>
#include <string>
#include <string_view>

#include "runtime/base/bytes.hpp"

namespace themis::js {

using ModuleCaches = std::map<std::string, ByteView, std::less<>>;

/// One byte of format, then for each module u8 length of its name, the name, u32 length, bytes.
Bytes encode_code_cache(const ModuleCaches& modules);
/// The views are into `cache`. What is no code cache has no modules.
ModuleCaches decode_code_cache(ByteView cache);

}  // namespace themis::js
