#include "retort/text/tokenizer.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <string_view>

#include "retort/core/error.h"
#include "retort/core/file.h"
#include "retort/core/quote.h"
#include "retort/hub/field.h"
#include "retort/text/bpe.h"
#include "retort/text/characters.h"
#include "retort/text/unigram.h"

namespace retort::text {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kMostTokens = int64_t{1} << 20;  // of a vocabulary
constexpr const char* kConfig = "tokenizer_config.json";
constexpr const char* kClipEnd = "<|endoftext|>";
constexpr uint64_t kMostBytes = uint64_t{1} << 26;

// The special token that tokenizer_config.json has under this key, as a text or as {"content":
// text}; else `otherwise`.
std::string named_token(const hub::Field& config, const char* key, const char* otherwise) {
  const auto found = config.find(key);
  if (!found) return otherwise;
  return found->is_object() ? found->at("content").text() : found->text();
}

// The content of tokenizer_config.json; an empty object where there is no such file.
nlohmann::json config_of(const fs::path& folder) {
  const fs::path path = folder / kConfig;
  return fs::exists(path) ? hub::read_object(path) : nlohmann::json::object();
}

class SigLipTokenizer : public Tokenizer {
 public:
  SigLipTokenizer(Unigram model, const Frame& frame) : Tokenizer(frame), model_(std::move(model)) {}

 protected:
  // big_vision's canonicalize_text: lower case, no ASCII punctuation, single blanks.
  std::vector<int64_t> tokens(const std::string& text) const override {
    constexpr std::string_view kPunctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
    std::string plain;
    for (const char c : lower_case(text)) {
      if (c == ' ' || (c >= '\t' && c <= '\r')) {
        if (!plain.empty() && plain.back() != ' ') plain += ' ';
      } else if (kPunctuation.find(c) == std::string_view::npos) {
        plain += c;
      }
    }
    if (plain.ends_with(' ')) plain.pop_back();
    return model_.pieces(plain);
  }

 private:
  Unigram model_;
};

std::unique_ptr<Tokenizer> from_spiece_model(const fs::path& folder) {
  const fs::path path = folder / "spiece.model";
  Unigram model(read_file(path, kMostBytes), path.string());
  const nlohmann::json json = config_of(folder);
  const hub::Field config(json, (folder / kConfig).string());
  const auto named = [&](const char* key) {
    const std::string token = named_token(config, key, "</s>");
    if (const auto id = model.find(token)) return *id;
    throw Error("its vocabulary lacks the token " + quote_name(token), path.string(),
                "get the file again");
  };
  const Frame frame{{}, named("eos_token"), named("pad_token")};
  return std::make_unique<SigLipTokenizer>(std::move(model), frame);
}

class BpeTokenizer : public Tokenizer {
 public:
  BpeTokenizer(Bpe bpe, const Frame& frame, int64_t unknown)
      : Tokenizer(frame), bpe_(std::move(bpe)), unknown_(unknown) {}

 protected:
  Bpe bpe_;
  int64_t unknown_;
};

class ClipTokenizer : public BpeTokenizer {
 public:
  using BpeTokenizer::BpeTokenizer;

 protected:
  std::vector<int64_t> tokens(const std::string& text) const override {
    std::vector<int64_t> all;
    for (const std::string& word : clip_words(text)) {
      std::vector<int64_t> symbols;
      for (size_t i = 0; i < word.size(); ++i) {
        const std::string symbol = printable_byte(static_cast<unsigned char>(word[i])) +
                                   (i + 1 == word.size() ? "</w>" : "");
        symbols.push_back(bpe_.find(symbol).value_or(unknown_));
      }
      const std::vector<int64_t> joined = bpe_.joined(std::move(symbols));
      all.insert(all.end(), joined.begin(), joined.end());
    }
    return all;
  }
};

class SigLip2Tokenizer : public BpeTokenizer {
 public:
  using BpeTokenizer::BpeTokenizer;

 protected:
  std::vector<int64_t> tokens(const std::string& text) const override {
    std::vector<int64_t> symbols;
    for (const std::string& character : characters(lower_case(text)))
      add(character == " " ? "\u2581" : character, symbols);
    return bpe_.joined(std::move(symbols));
  }

 private:
  // A character that the vocabulary lacks is encoded as its bytes, or as the unknown token where
  // the vocabulary lacks one of these.
  void add(const std::string& character, std::vector<int64_t>& symbols) const {
    if (const auto id = bpe_.find(character)) return symbols.push_back(*id);
    std::vector<int64_t> bytes;
    for (const char c : character) {
      std::array<char, 8> name{};
      std::snprintf(name.data(), name.size(), "<0x%02X>", static_cast<unsigned char>(c));
      if (const auto id = bpe_.find(name.data())) bytes.push_back(*id);
    }
    if (bytes.size() < character.size()) bytes = {unknown_};
    symbols.insert(symbols.end(), bytes.begin(), bytes.end());
  }
};

Bpe::Vocabulary vocabulary_of(const hub::Field& vocab) {
  if (!vocab.is_object() || vocab.size() > static_cast<size_t>(kMostTokens))
    vocab.fail("is not an object of tokens and their numbers");
  Bpe::Vocabulary vocabulary;
  for (const auto& [token, id] : vocab.value().items()) {
    if (!id.is_number_integer() || id < 0 || id >= kMostTokens)
      vocab.fail("has a number out of range");
    vocabulary.emplace(token, id.get<int64_t>());
  }
  return vocabulary;
}

std::pair<std::string, std::string> rule_from(const std::string& line, const std::string& where) {
  const size_t blank = line.find(' ');
  if (blank == std::string::npos || blank == 0 || blank + 1 == line.size() ||
      line.find(' ', blank + 1) != std::string::npos)
    throw Error("has a merge that is not two tokens", where, "get the file again");
  return {line.substr(0, blank), line.substr(blank + 1)};
}

// Each rule is "a b", or ["a", "b"], since tokens may hold blanks.
std::vector<std::pair<std::string, std::string>> rules_of(const hub::Field& merges,
                                                          const std::string& where) {
  if (!merges.is_array() || merges.size() > static_cast<size_t>(kMostTokens))
    merges.fail("is not a list of merges");
  std::vector<std::pair<std::string, std::string>> rules;
  for (const nlohmann::json& merge : merges.value()) {
    if (merge.is_string()) {
      rules.push_back(rule_from(merge.get<std::string>(), where));
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      rules.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
    } else {
      merges.fail("has a merge that is not two tokens");
    }
  }
  return rules;
}

// A vocabulary, and its special tokens by their keys in tokenizer_config.json.
struct Known {
  Bpe::Vocabulary vocabulary;
  nlohmann::json config;
  std::string where, config_where;

  int64_t named(const char* key, const char* otherwise) const {
    const std::string token = named_token(hub::Field(config, config_where), key, otherwise);
    const auto found = vocabulary.find(token);
    if (found == vocabulary.end())
      throw Error("its vocabulary lacks the token " + quote_name(token), where,
                  "get the file again");
    return found->second;
  }
};

Known known_of(const hub::Field& vocab, const fs::path& folder, const fs::path& file) {
  return {vocabulary_of(vocab), config_of(folder), file.string(), (folder / kConfig).string()};
}

std::unique_ptr<Tokenizer> clip_tokenizer(
    Known known, const std::vector<std::pair<std::string, std::string>>& rules) {
  const int64_t unknown = known.named("unk_token", kClipEnd);
  const Frame frame{known.named("bos_token", "<|startoftext|>"), known.named("eos_token", kClipEnd),
                    known.named("pad_token", kClipEnd)};
  return std::make_unique<ClipTokenizer>(Bpe(std::move(known.vocabulary), rules, known.where),
                                         frame, unknown);
}

std::unique_ptr<Tokenizer> from_vocab_json(const fs::path& folder) {
  const fs::path path = folder / "vocab.json", merges = folder / "merges.txt";
  const nlohmann::json content = hub::read_object(path);
  std::istringstream lines(read_file(merges, kMostBytes));
  std::vector<std::pair<std::string, std::string>> rules;
  for (std::string line; std::getline(lines, line);)
    if (!line.empty() && !line.starts_with("#version"))
      rules.push_back(rule_from(line, merges.string()));
  return clip_tokenizer(known_of(hub::Field(content, path.string()), folder, path), rules);
}

// The special token that TemplateProcessing puts before a text, or with `behind` after it; nothing
// where there is none.
std::optional<int64_t> template_token(const hub::Field& root, const Known& known, bool behind) {
  const auto processor = root.find("post_processor");
  const auto parts = processor ? processor->find("single") : std::nullopt;
  if (!parts || !parts->is_array() || parts->size() == 0) return std::nullopt;
  const auto special = parts->item(behind ? parts->size() - 1 : 0).find("SpecialToken");
  if (!special) return std::nullopt;
  const auto found = known.vocabulary.find(special->at("id").text());
  if (found == known.vocabulary.end()) special->fail("is not in the vocabulary");
  return found->second;
}

std::unique_ptr<Tokenizer> from_tokenizer_json(const fs::path& folder) {
  const fs::path path = folder / "tokenizer.json";
  const nlohmann::json content = hub::read_object(path);
  const hub::Field root(content, path.string()), model = root.at("model");
  const auto type = model.find("type"), suffix = model.find("end_of_word_suffix"),
             fallback = model.find("byte_fallback");
  const bool clip = suffix && suffix->text() == "</w>", whole = fallback && fallback->truth();
  if ((type && type->text() != "BPE") || clip == whole)
    model.fail("is a tokenizer of a kind that retort does not read",
               "those of CLIP, SigLIP and SigLIP 2 are read");
  const auto rules = rules_of(model.at("merges"), path.string());
  Known known = known_of(model.at("vocab"), folder, path);
  if (clip) return clip_tokenizer(std::move(known), rules);
  const auto side = hub::Field(known.config, known.config_where).find("padding_side");
  const Frame frame{template_token(root, known, false), template_token(root, known, true),
                    known.named("pad_token", "<pad>"), side && side->text() == "left"};
  const int64_t unknown = known.named("unk_token", "<unk>");
  return std::make_unique<SigLip2Tokenizer>(Bpe(std::move(known.vocabulary), rules, known.where),
                                            frame, unknown);
}

}  // namespace

std::vector<int64_t> Tokenizer::encode(const std::string& text, int64_t length) const {
  if (length < 4)
    throw Error("a text needs room for four tokens at least, not " + std::to_string(length));
  std::vector<int64_t> all;
  if (frame_.begin) all.push_back(*frame_.begin);
  const std::vector<int64_t> own = tokens(text);
  const size_t room = static_cast<size_t>(length) - all.size() - (frame_.end ? 1 : 0);
  all.insert(all.end(), own.begin(),
             own.begin() + static_cast<std::ptrdiff_t>(std::min(own.size(), room)));
  if (frame_.end) all.push_back(*frame_.end);
  const size_t missing = static_cast<size_t>(length) - all.size();
  all.insert(frame_.pad_left ? all.begin() : all.end(), missing, frame_.padding);
  return all;
}

std::unique_ptr<Tokenizer> open_tokenizer(const fs::path& folder) {
  if (fs::exists(folder / "spiece.model")) return from_spiece_model(folder);
  if (fs::exists(folder / "tokenizer.json")) return from_tokenizer_json(folder);
  if (fs::exists(folder / "vocab.json")) return from_vocab_json(folder);
  throw Error("holds no tokenizer: no spiece.model, tokenizer.json or vocab.json", folder.string(),
              "name a folder of CLIP's or SigLIP's");
}

}  // namespace retort::text
