// SPDX-License-Identifier: Apache-2.0
#include "html_report.hpp"

#include <string_view>

#include <nlohmann/json.hpp>

#include "page.hpp"  // page_template: page.html as a string; made by the build

namespace demo {

std::string to_html(const nlohmann::json& account) {
  // Inside a script element only "</script" and "<!--" could end the data early; neither survives without its '<'.
  std::string data;
  for (const char c : account.dump()) {
    if (c == '<') data += "\\u003c";
    else data += c;
  }
  constexpr std::string_view mark = "/*ACCOUNT*/";
  std::string page(page_template);
  if (const std::size_t at = page.find(mark); at != std::string::npos) page.replace(at, mark.size(), data);
  return page;
}

}  // namespace demo
