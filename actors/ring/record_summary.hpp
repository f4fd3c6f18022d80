#pragma once
// What a node keeps of a part of the circle, short enough to be compared with what another one
// keeps.

#include "actors/ring/object_table.hpp"

namespace themis::ring {

/// The records in (from, until], those that have expired left out: clockwise by object, then by
/// provider. Whole objects, at most kSummaryEntriesMax records; `until` of the result is that of
/// the range, or the last object listed when there are more.
Summary summarize(const ObjectTable& objects, const Point& from, const Point& until,
                  int64_t wall_ms);

/// BLAKE2b-256("themis/ring/summary/v1", the entries).
crypto::Digest digest_of(const Summary& summary);

/// How two summaries of the ranges that begin at `from` differ, up to `until`.
struct Difference {
  std::vector<ObjectId> ours;    ///< Of which the first has something newer.
  std::vector<ObjectId> theirs;  ///< Of which the second has.
};
Difference compare(const Summary& ours, const Summary& theirs, const Point& from,
                   const Point& until);

}  // namespace themis::ring
