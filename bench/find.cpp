#include "bench/find.hpp"

#include "actors/ring/record_signer.hpp"
#include "actors/ring/ring.hpp"

namespace themis::bench {
namespace {

using namespace ring;

constexpr size_t kProviders = 100;
constexpr size_t kNames = 1000;
constexpr int64_t kWallMs = 1'700'000'000'000;
constexpr size_t kBatch = 1000;

/// What every provider says in one refresh: stores in the order in which they would come, those of
/// the providers mixed.
std::vector<Question> refresh(std::vector<RecordSigner>& signers,
                              const std::vector<wire::Identity>& providers, int64_t wall_ms) {
  std::vector<RecordPtrs> records;
  for (size_t p = 0; p < kProviders; ++p) {
    Records mine(kNames);
    for (size_t n = 0; n < kNames; ++n) {
      mine[n].name = "service-" + std::to_string(p) + "-" + std::to_string(n);
      mine[n].provider = {providers[p].id(), {"10.0.0.1", 7001}};
      mine[n].expires_ms = wall_ms + 90'000;
      mine[n].payload = to_bytes("payload of a usual size");
    }
    records.push_back(signers[p].sign(std::move(mine), wall_ms));
  }
  std::vector<Question> out;
  for (size_t n = 0; n < kNames; ++n)
    for (size_t p = 0; p < kProviders; ++p) out.emplace_back(Store{0, records[p][n]});
  return out;
}

/// Calls per CPU second of `work(i)`, i = 0, 1, ... until `seconds` or `limit` calls are over.
template <class F>
double rate(double seconds, size_t limit, F&& work) {
  const double start = process_cpu_s();
  double elapsed = 0;
  size_t calls = 0;
  while (elapsed < seconds && calls < limit) {
    for (size_t i = 0; i < kBatch; ++i) work(calls + i);
    calls += kBatch;
    elapsed = process_cpu_s() - start;
  }
  return static_cast<double>(calls) / elapsed;
}

}  // namespace

Figures measure_find_local(const Options& options) {
  SeededRng rng(1);
  std::vector<wire::Identity> providers;
  std::vector<RecordSigner> signers;
  for (size_t p = 0; p < kProviders; ++p)
    providers.push_back(wire::Identity::generate("bench", rng));
  for (const wire::Identity& identity : providers) signers.emplace_back(identity);
  const wire::Identity self = wire::Identity::generate("bench", rng);
  RingOptions ring_options;
  ring_options.objects.records = 2 * kProviders * kNames;
  Ring ring(self, {"10.0.0.9", 7001}, ring_options, rng);
  Moment at{TimePoint{} + 1h, kWallMs};
  ring.start({}, at);

  const auto provider_of = [](const Question& question) -> const NodeId& {
    return std::get<Store>(question).record->provider.id;
  };
  const auto store_all = [&](const std::vector<Question>& stores, double seconds) {
    return rate(seconds, stores.size(), [&](size_t i) {
      THEMIS_ASSERT(ring.answer(provider_of(stores[i]), stores[i], at).has_value(), "it fits");
    });
  };
  store_all(refresh(signers, providers, at.wall_ms), 60);
  THEMIS_ASSERT(ring.objects().object_count() == kProviders * kNames, "every record was stored");

  Figures figures;
  figures["objects"] = ring.objects().object_count();
  double stores = 0;
  for (double spent = 0; spent < options.seconds;) {
    at.wall_ms += 24'000;
    const std::vector<Question> next = refresh(signers, providers, at.wall_ms);
    const double per_s = store_all(next, 60);
    stores = std::max(stores, per_s);
    spent += static_cast<double>(next.size()) / per_s;
  }
  figures["store_local_per_s"] = stores;

  std::vector<Question> gets;
  for (const ObjectId& object : ring.objects().all()) gets.emplace_back(GetObject{object});
  for (size_t i = gets.size(); i > 1; --i) std::swap(gets[i - 1], gets[rng.below(i)]);
  figures["find_local_per_s"] = rate(options.seconds, SIZE_MAX, [&](size_t i) {
    const auto reply = ring.answer(self.id(), gets[i % gets.size()], at);
    THEMIS_ASSERT(std::get<GetObjectReply>(*reply).records.size() == 1, "each has one record");
  });

  const std::vector<Question> last = refresh(signers, providers, at.wall_ms + 1);
  RecordVerifier verifier("bench");
  figures["verify_per_s"] = rate(60, last.size(), [&](size_t i) {
    THEMIS_ASSERT(verifier.verify(*std::get<Store>(last[i]).record).has_value(), "genuine");
  });
  figures["signatures_checked"] = verifier.signatures_checked();
  return figures;
}

}  // namespace themis::bench
