// A node is on the ring under a name that it does not serve: it was restarted, and the record of
// before lives on.
#include <gtest/gtest.h>
#include <themis/node.hpp>

#include "calls.capnp.h"
#include "tests/unit/services/mesh.hpp"

namespace themis {
namespace {

class One : public Service {
 public:
  Reply<calls::Told> hello(In<calls::Ask>) {
    Out<calls::Told> out;
    out->setCount(1);
    co_return out;
  }
};

TEST(NotHosted, RegressCallsGoPastANodeThatDoesNotServeTheNameYet) {
  System system;
  const auto mesh = testing::start_mesh(system, 1);
  testing::MeshNode& silent = *mesh.front();
  const NodeSettings member{.network = "test", .join = silent.address().text()};
  Node server(member);
  const Status served = server.serve<One, &One::hello>("one");
  ASSERT_TRUE(served) << served.error().text();
  ASSERT_TRUE(testing::order(system, silent.node(), ProvideName{"service/one"}));
  Node client(member);
  for (int i = 0; i < 100; ++i) {
    Out<calls::Ask> params;
    const auto answer = client.call<calls::Told>("one", params);
    ASSERT_TRUE(answer) << "call " << i << ": " << answer.error().text();
  }
}

}  // namespace
}  // namespace themis
