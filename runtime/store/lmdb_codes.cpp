#include "runtime/store/lmdb_codes.hpp"

#include <fmt/format.h>
#include <lmdb.h>

#include <cerrno>

namespace themis::storage {

Error lmdb_error(int code, std::string_view what) {
  const auto error = [&](Code mapped, std::string_view advice) {
    return Error{mapped, fmt::format("{}: {}{}{}", what, mdb_strerror(code),
                                     advice.empty() ? "" : "; ", advice)};
  };
  switch (code) {
    case MDB_NOTFOUND:
      return error(Code::not_found, "");
    case MDB_KEYEXIST:
      return error(Code::exists, "");
    case MDB_MAP_FULL:
      return error(Code::overloaded, "erase something or raise map_bytes_max");
    case MDB_DBS_FULL:
      return error(Code::overloaded, "raise tables_max");
    case MDB_READERS_FULL:
      return error(Code::overloaded, "end a read transaction");
    case MDB_TXN_FULL:
      return error(Code::too_large, "write less in one transaction");
    case MDB_BAD_VALSIZE:
      return error(Code::too_large, "");
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
      return error(Code::io, "the store's file is damaged: restore the directory from a backup");
    case MDB_VERSION_MISMATCH:
      return error(Code::io, "it was written by another LMDB version");
    case ENOSPC:
      return error(Code::io, "the disk is full");
    default:
      return error(Code::io, "");
  }
}

}  // namespace themis::storage
