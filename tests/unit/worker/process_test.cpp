// One worker process by itself: what is loaded in it, and what is not any more.
#include "actors/worker/worker_process.hpp"

#include "tests/unit/worker/pool_fixture.hpp"

namespace themis {
namespace {

class WorkerProcessTest : public PoolTest {
 protected:
  /// The process, once it is up; `pool` is told.
  caf::actor start_process(caf::scoped_actor& pool) {
    caf::actor process =
        spawn_pinned<WorkerProcess>(world_.reactor(), pool_options(), 0u, pool.address());
    pool->receive([](const WorkerReady&) {},
                  [](const WorkerFailed& failed) { ADD_FAILURE() << failed.why.text(); });
    return process;
  }
  static FunctionPtr function(const std::string& source, uint32_t cpu_ms) {
    return std::make_shared<const InstallFunction>(
        InstallFunction{"f", id_of(source), std::make_shared<const Bytes>(to_bytes(source)),
                        FunctionLimits{.cpu_ms = cpu_ms}});
  }
  uint32_t functions(const caf::actor& process) {
    return world_.ask<WorkerReport>(process, ReportProcess{}).value().functions;
  }
};

/// The function stayed loaded for as long as the process lived.
TEST_F(WorkerProcessTest, RegressAFunctionThatStillLoadsIsUnloaded) {
  caf::scoped_actor pool{world_.caf()};
  const caf::actor process = start_process(pool);
  auto loading = pool->request(process, kDeadline, ProcessLoad{function(kEcho, 50)});
  pool->send(process, ProcessUnload{id_of(kEcho)});
  loading.receive([] {}, [](const caf::error& error) { ADD_FAILURE() << describe(error); });
  EXPECT_EQ(functions(process), 0u);
  EXPECT_EQ(world_.stop(process), "user_shutdown");
}

TEST_F(WorkerProcessTest, WhatIsAskedForAfterAnUnloadIsLoadedAnew) {
  caf::scoped_actor pool{world_.caf()};
  const caf::actor process = start_process(pool);
  auto first = pool->request(process, kDeadline, ProcessLoad{function(kEcho, 50)});
  pool->send(process, ProcessUnload{id_of(kEcho)});
  auto second = pool->request(process, kDeadline, ProcessLoad{function(kEcho, 60)});
  const auto failed = [](const caf::error& error) { ADD_FAILURE() << describe(error); };
  first.receive([] {}, failed);
  second.receive([] {}, failed);
  EXPECT_EQ(functions(process), 1u);
  const ProcessCall call{function(kEcho, 60), invoke("hello")};
  EXPECT_EQ(text_of(world_.ask<wire::Msg<schema::Outcome>>(process, call)), "hello");
  EXPECT_EQ(world_.stop(process), "user_shutdown");
}

/// OpenSSL, ICU, zlib and Brotli behind the confinement of a real process.
TEST_F(WorkerProcessTest, ConfinedFunctionsHaveCryptographyAndCompression) {
  const std::string source =
      "export default { async fetch() { const s = crypto.subtle, data = new Uint8Array(9);"
      "const pair = await s.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign',"
      "'verify']); const a = { name: 'ECDSA', hash: 'SHA-256' };"
      "const good = await s.verify(a, pair.publicKey, await s.sign(a, pair.privateKey, data),"
      "data); const out = [good, new TextDecoder('sjis').decode(new Uint8Array([0x83, 0x65]))];"
      "for (const f of ['gzip', 'brotli']) out.push(await new Response(new Blob([f]).stream()"
      ".pipeThrough(new CompressionStream(f)).pipeThrough(new DecompressionStream(f))).text());"
      "return new Response(out.join()); } };";
  caf::scoped_actor pool{world_.caf()};
  const caf::actor process = start_process(pool);
  const ProcessCall call{function(source, 5'000), invoke("")};
  EXPECT_EQ(text_of(world_.ask<wire::Msg<schema::Outcome>>(process, call)),
            "true,\xE3\x83\x86,gzip,brotli");
  EXPECT_EQ(world_.stop(process), "user_shutdown");
}

}  // namespace
}  // namespace themis
