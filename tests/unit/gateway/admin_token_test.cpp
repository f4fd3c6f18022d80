#include "actors/gateway/admin_token.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/unit/store/temporary_directory.hpp"

namespace themis {
namespace {

class AdminTokenTest : public ::testing::Test {
 protected:
  Result<AdminToken> load() { return AdminToken::load_or_create(path_, rng_); }
  std::string text() const {
    std::ifstream in(path_);
    std::string line;
    std::getline(in, line);
    return line;
  }
  void write(const std::string& what) { std::ofstream(path_) << what; }
  static http::Headers with(const std::string& value) {
    http::Headers headers;
    headers.add("authorization", value);
    return headers;
  }

  storage::TemporaryDirectory directory_;
  std::filesystem::path path_ = directory_.path() / "admin.token";
  SystemRng rng_;
};

TEST_F(AdminTokenTest, IsMadeOnceForItsOwnerOnly) {
  const auto first = load();
  ASSERT_TRUE(first) << first.error().text();
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(text().size(), 64u);
  const auto second = load();
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->is_in(with("Bearer " + text())));
  EXPECT_TRUE(first->is_in(with("bearer " + text())));
}

TEST_F(AdminTokenTest, RefusesEverythingElse) {
  const auto token = load();
  ASSERT_TRUE(token);
  std::string wrong = text();
  wrong.back() = wrong.back() == '0' ? '1' : '0';
  for (const std::string& value :
       {"Bearer " + wrong, std::string("Bearer"), std::string(), "Basic " + text(),
        "Bearer " + text() + "0", text(), "Bearer  " + text()})
    EXPECT_FALSE(token->is_in(with(value))) << value.size();
  EXPECT_FALSE(token->is_in({}));
}

TEST_F(AdminTokenTest, RefusesAFileThatOthersCanRead) {
  ASSERT_TRUE(load());
  ASSERT_EQ(::chmod(path_.c_str(), 0640), 0);
  EXPECT_EQ(load().error().code, Code::denied);
}

TEST_F(AdminTokenTest, RefusesAFileThatIsNoToken) {
  ASSERT_TRUE(load());
  const std::string good = text();
  for (const std::string& bad :
       {std::string(), good.substr(1), good + "00", "zz" + good.substr(2)}) {
    write(bad);
    EXPECT_EQ(load().error().code, Code::malformed) << bad.size();
  }
}

TEST_F(AdminTokenTest, SaysWhichFileCannotBeMade) {
  path_ = directory_.path() / "missing" / "admin.token";
  const auto token = load();
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code, Code::io);
  EXPECT_NE(token.error().detail.find(path_.string()), std::string::npos);
}

}  // namespace
}  // namespace themis
