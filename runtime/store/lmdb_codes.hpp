#pragma once
// LMDB's return codes as errors of ours. Private to runtime/store.

#include <string_view>

#include "runtime/base/error.hpp"

namespace themis::storage {

/// `code` is not MDB_SUCCESS; `what` says what was tried. The detail says what to do where
/// something can be done.
Error lmdb_error(int code, std::string_view what);

}  // namespace themis::storage
