#pragma once

#include <string>
#include <vector>

namespace retort::text {

// The text in lower case, character by character. Throws Error on text that is not UTF-8.
std::string lower_case(const std::string& text);

// The words into which CLIP's tokenizer splits a text, in Unicode's canonical composition (NFC) and
// in lower case: 's, 't, 're, 've, 'm, 'll and 'd; runs of letters; single digits; runs of other
// characters except blanks. Throws Error on text that is not UTF-8.
std::vector<std::string> clip_words(const std::string& text);

// The characters of the text, each in UTF-8. Throws Error on text that is not UTF-8.
std::vector<std::string> characters(const std::string& text);

// The printable character that stands for a byte in GPT-2's vocabulary.
std::string printable_byte(unsigned char byte);

}  // namespace retort::text
