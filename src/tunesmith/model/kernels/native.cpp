// Fused passes over activations for the CPU, in float32 inside, rounded once at the end.
//
// What torch does in five to ten passes over memory is done here in one. Each kernel splits its work by rows or
// documents, never by what a thread happens to get, so that results do not depend on the number of threads.
//
// Shapes: T tokens, D numbers of a vector, H query heads, K key heads, N documents, L tokens of one document,
// C pairs, V vocabulary.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

namespace {

struct bf16 {
    uint16_t bits;
};

inline float widen(float x) { return x; }

inline float widen(bf16 x) {
    const uint32_t bits = static_cast<uint32_t>(x.bits) << 16;
    float wide;
    std::memcpy(&wide, &bits, sizeof wide);
    return wide;
}

inline void narrow(float x, float& out) { out = x; }

// round to nearest, ties to even; what is not a number stays so
inline void narrow(float x, bf16& out) {
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    out.bits = static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : rounded);
}

// e^x to about one unit in the last place, written so that compilers turn it into vector code (after Cephes' expf)
inline float exponential(float x) {
    x = std::min(std::max(x, -87.3f), 88.7f);
    const float n = std::floor(x * 1.44269504f + 0.5f);
    const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    const float e = p * r * r + r + 1.0f;
    const int32_t bits = (static_cast<int32_t>(n) + 127) << 23;
    float power;
    std::memcpy(&power, &bits, sizeof power);
    return e * power;
}

// rows whose partial sums of a weight's gradient are added together before the next ones: fixed, so that the sum is
constexpr int64_t ROWS_OF_BLOCK = 128;

template <class T>
void rms_norm_forward(const T* x_TD, const T* weight_D, T* y_TD, float* inverse_T, int64_t num_rows, int64_t size,
                      float epsilon, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t t = 0; t < num_rows; ++t) {
        const T* x = x_TD + t * size;
        T* y = y_TD + t * size;
        float squares = 0.0f;
#pragma omp simd reduction(+ : squares)
        for (int64_t d = 0; d < size; ++d) squares += widen(x[d]) * widen(x[d]);
        const float inverse = 1.0f / std::sqrt(squares / static_cast<float>(size) + epsilon);
        inverse_T[t] = inverse;
#pragma omp simd
        for (int64_t d = 0; d < size; ++d) narrow(widen(x[d]) * inverse * widen(weight_D[d]), y[d]);
    }
}

template <class T>
void rms_norm_backward(const T* grad_TD, const T* x_TD, const T* weight_D, const float* inverse_T, T* grad_x_TD,
                       float* grad_weight_D, int64_t num_rows, int64_t size, int threads) {
    const int64_t num_blocks = (num_rows + ROWS_OF_BLOCK - 1) / ROWS_OF_BLOCK;
    std::vector<float> partial_BD(grad_weight_D ? num_blocks * size : 0, 0.0f);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t block = 0; block < num_blocks; ++block) {
        const int64_t stop = std::min(num_rows, (block + 1) * ROWS_OF_BLOCK);
        for (int64_t t = block * ROWS_OF_BLOCK; t < stop; ++t) {
            const T* grad = grad_TD + t * size;
            const T* x = x_TD + t * size;
            T* out = grad_x_TD + t * size;
            const float inverse = inverse_T[t];
            float dot = 0.0f;
#pragma omp simd reduction(+ : dot)
            for (int64_t d = 0; d < size; ++d) dot += widen(grad[d]) * widen(weight_D[d]) * widen(x[d]);
            const float along = dot * inverse * inverse / static_cast<float>(size);
#pragma omp simd
            for (int64_t d = 0; d < size; ++d)
                narrow(inverse * (widen(grad[d]) * widen(weight_D[d]) - along * widen(x[d])), out[d]);
            if (grad_weight_D) {
                float* partial = partial_BD.data() + block * size;
#pragma omp simd
                for (int64_t d = 0; d < size; ++d) partial[d] += widen(grad[d]) * widen(x[d]) * inverse;
            }
        }
    }
    if (!grad_weight_D) return;
    for (int64_t block = 0; block < num_blocks; ++block)
        for (int64_t d = 0; d < size; ++d) grad_weight_D[d] += partial_BD[block * size + d];
}

constexpr int64_t NUMBERS_OF_BLOCK = 4096;

template <class T>
void swiglu_forward(const T* gate, const T* up, T* out, int64_t count, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t start = 0; start < count; start += NUMBERS_OF_BLOCK) {
        const int64_t stop = std::min(count, start + NUMBERS_OF_BLOCK);
#pragma omp simd
        for (int64_t i = start; i < stop; ++i) {
            const float g = widen(gate[i]);
            narrow(g / (1.0f + exponential(-g)) * widen(up[i]), out[i]);
        }
    }
}

template <class T>
void swiglu_backward(const T* grad, const T* gate, const T* up, T* grad_gate, T* grad_up, int64_t count, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t start = 0; start < count; start += NUMBERS_OF_BLOCK) {
        const int64_t stop = std::min(count, start + NUMBERS_OF_BLOCK);
#pragma omp simd
        for (int64_t i = start; i < stop; ++i) {
            const float g = widen(gate[i]);
            const float d = widen(grad[i]);
            const float share = 1.0f / (1.0f + exponential(-g));
            narrow(d * widen(up[i]) * share * (1.0f + g * (1.0f - share)), grad_gate[i]);
            narrow(d * g * share, grad_up[i]);
        }
    }
}

// rotary positions (Su et al. 2021, arXiv:2104.09864) in the half-split order; direction -1 undoes them
template <class T>
void rotate(const T* x_THD, const T* cos_TD, const T* sin_TD, T* out_THD, int64_t num_rows, int64_t num_heads,
            int64_t size, float direction, int threads) {
    const int64_t half = size / 2;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t t = 0; t < num_rows; ++t) {
        const T* c = cos_TD + t * size;
        const T* s = sin_TD + t * size;
        for (int64_t h = 0; h < num_heads; ++h) {
            const T* x = x_THD + (t * num_heads + h) * size;
            T* out = out_THD + (t * num_heads + h) * size;
#pragma omp simd
            for (int64_t d = 0; d < half; ++d) {
                const float a = widen(x[d]), b = widen(x[d + half]);
                narrow(a * widen(c[d]) - direction * b * widen(s[d]), out[d]);
                narrow(b * widen(c[d + half]) + direction * a * widen(s[d + half]), out[d + half]);
            }
        }
    }
}

// logits become the gradient of weight * cross entropy with the smoothed target, in place, where it is wanted
template <class T>
void cross_entropy(T* logits_CV, const int64_t* targets_C, const float* weights_C, float* losses_C, float* correct_C,
                   int64_t num_pairs, int64_t size, float smoothing, int wants_gradient, int threads) {
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> odds(size);
#pragma omp for schedule(static)
        for (int64_t c = 0; c < num_pairs; ++c) {
            T* logits = logits_CV + c * size;
            float largest = -INFINITY, total = 0.0f, sum = 0.0f;
#pragma omp simd reduction(max : largest) reduction(+ : total)
            for (int64_t v = 0; v < size; ++v) {
                largest = std::max(largest, widen(logits[v]));
                total += widen(logits[v]);
            }
#pragma omp simd reduction(+ : sum)
            for (int64_t v = 0; v < size; ++v) {
                odds[v] = exponential(widen(logits[v]) - largest);
                sum += odds[v];
            }
            const float at_target = widen(logits[targets_C[c]]);
            const float aimed = at_target + smoothing * (total / static_cast<float>(size) - at_target);
            // a logit that is no number must show in the loss
            losses_C[c] = (largest + std::log(sum) - aimed) + 0.0f * total;
            correct_C[c] = at_target >= largest ? 1.0f : 0.0f;
            if (!wants_gradient) continue;
            const float weight = weights_C[c], scale = weight / sum;
            const float spread = weight * smoothing / static_cast<float>(size);
            const float target = odds[targets_C[c]] * scale - spread - weight * (1.0f - smoothing);
#pragma omp simd
            for (int64_t v = 0; v < size; ++v) narrow(odds[v] * scale - spread, logits[v]);
            narrow(target, logits[targets_C[c]]);
        }
    }
}

constexpr int LANES = 16;
typedef float lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(4)));

// out (R x 16 W) = a (R x depth) b (depth x 16 W); a is read as a[row * a_row + k * a_k], out and b lie row by row
template <int R, int W>
inline void product_tile(const float* a, int64_t a_row, int64_t a_k, const float* b, int64_t b_k, float* out,
                         int64_t out_row, int64_t depth, bool adds) {
    lanes sums[R][W];
    for (int r = 0; r < R; ++r)
        for (int w = 0; w < W; ++w)
            sums[r][w] = adds ? *reinterpret_cast<const lanes*>(out + r * out_row + w * LANES) : lanes{};
    for (int64_t k = 0; k < depth; ++k) {
        lanes right[W];
        for (int w = 0; w < W; ++w) right[w] = *reinterpret_cast<const lanes*>(b + k * b_k + w * LANES);
        for (int r = 0; r < R; ++r) {
            const float left = a[r * a_row + k * a_k];
            for (int w = 0; w < W; ++w) sums[r][w] += left * right[w];
        }
    }
    for (int r = 0; r < R; ++r)
        for (int w = 0; w < W; ++w) *reinterpret_cast<lanes*>(out + r * out_row + w * LANES) = sums[r][w];
}

constexpr int TILE_ROWS = 4;

// TILE_ROWS rows of a product whose width is a multiple of LANES
inline void product_rows(const float* a, int64_t a_row, int64_t a_k, const float* b, int64_t b_k, float* out,
                         int64_t out_row, int64_t width, int64_t depth, bool adds) {
    int64_t n = 0;
    for (; n + 4 * LANES <= width; n += 4 * LANES)
        product_tile<TILE_ROWS, 4>(a, a_row, a_k, b + n, b_k, out + n, out_row, depth, adds);
    for (; n < width; n += LANES)
        product_tile<TILE_ROWS, 1>(a, a_row, a_k, b + n, b_k, out + n, out_row, depth, adds);
}

inline int64_t round_up(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

// (rows, size) of one head, widened; rows up to `padded` are zero
template <class T>
void gather(const T* from, int64_t stride, int64_t rows, int64_t padded, int64_t size, float* out) {
    for (int64_t i = 0; i < rows; ++i) {
#pragma omp simd
        for (int64_t d = 0; d < size; ++d) out[i * size + d] = widen(from[i * stride + d]);
    }
    std::fill(out + rows * size, out + padded * size, 0.0f);
}

// (size, padded) of one head, widened and transposed
template <class T>
void gather_transposed(const T* from, int64_t stride, int64_t rows, int64_t padded, int64_t size, float* out) {
    for (int64_t d = 0; d < size; ++d) std::fill(out + d * padded + rows, out + (d + 1) * padded, 0.0f);
    for (int64_t i = 0; i < rows; ++i)
        for (int64_t d = 0; d < size; ++d) out[d * padded + i] = widen(from[i * stride + d]);
}

template <class T>
void scatter(const float* from, int64_t stride, int64_t rows, int64_t size, T* out) {
    for (int64_t i = 0; i < rows; ++i) {
#pragma omp simd
        for (int64_t d = 0; d < size; ++d) narrow(from[i * size + d], out[i * stride + d]);
    }
}

struct Heads {
    int64_t num_query_heads, num_key_heads, size;
    float scaling;
};

// causal softmax attention inside each document, one (document, key head) at a time, scores never in memory
template <class T>
void attention_forward(const T* query_THD, const T* key_TKD, const T* value_TKD, T* out_THD, float* log_sums_TH,
                       const int64_t* starts_N, const int64_t* lengths_N, int64_t num_documents, Heads heads,
                       int threads) {
    const int64_t size = heads.size, group = heads.num_query_heads / heads.num_key_heads;
    const int64_t query_row = heads.num_query_heads * size, key_row = heads.num_key_heads * size;
    const int64_t longest = round_up(*std::max_element(lengths_N, lengths_N + num_documents), LANES);
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> keys(size * longest), values(longest * size), queries(longest * size), outs(longest * size);
        std::vector<float> shares(TILE_ROWS * longest);
#pragma omp for schedule(dynamic, 1)
        for (int64_t task = 0; task < num_documents * heads.num_key_heads; ++task) {
            const int64_t n = task / heads.num_key_heads, k = task % heads.num_key_heads;
            const int64_t start = starts_N[n], length = lengths_N[n], padded = round_up(length, LANES);
            gather_transposed(key_TKD + start * key_row + k * size, key_row, length, padded, size, keys.data());
            gather(value_TKD + start * key_row + k * size, key_row, length, padded, size, values.data());
            for (int64_t h = k * group; h < (k + 1) * group; ++h) {
                const int64_t head = start * query_row + h * size;
                gather(query_THD + head, query_row, length, padded, size, queries.data());
                for (int64_t i = 0; i < length; i += TILE_ROWS) {
                    const int64_t width = round_up(std::min(i + TILE_ROWS, length), LANES);
                    product_rows(queries.data() + i * size, size, 1, keys.data(), padded, shares.data(), longest,
                                 width, size, false);
                    for (int64_t r = 0; r < TILE_ROWS; ++r) {
                        float* row = shares.data() + r * longest;
                        const int64_t seen = std::min(i + r + 1, length);
                        float largest = -INFINITY, sum = 0.0f;
#pragma omp simd reduction(max : largest)
                        for (int64_t j = 0; j < seen; ++j) largest = std::max(largest, row[j]);
#pragma omp simd reduction(+ : sum)
                        for (int64_t j = 0; j < seen; ++j) {
                            row[j] = exponential((row[j] - largest) * heads.scaling);
                            sum += row[j];
                        }
                        std::fill(row + seen, row + width, 0.0f);
                        const float inverse = 1.0f / sum;
#pragma omp simd
                        for (int64_t j = 0; j < seen; ++j) row[j] *= inverse;
                        if (i + r < length)
                            log_sums_TH[(start + i + r) * heads.num_query_heads + h] =
                                largest * heads.scaling + std::log(sum);
                    }
                    product_rows(shares.data(), longest, 1, values.data(), size, outs.data() + i * size, size, size,
                                 std::min(i + TILE_ROWS, length), false);
                }
                scatter(outs.data(), query_row, length, size, out_THD + head);
            }
        }
    }
}

template <class T>
void attention_backward(const T* grad_THD, const T* query_THD, const T* key_TKD, const T* value_TKD, const T* out_THD,
                        const float* log_sums_TH, T* grad_query_THD, T* grad_key_TKD, T* grad_value_TKD,
                        const int64_t* starts_N, const int64_t* lengths_N, int64_t num_documents, Heads heads,
                        int threads) {
    const int64_t size = heads.size, group = heads.num_query_heads / heads.num_key_heads;
    const int64_t query_row = heads.num_query_heads * size, key_row = heads.num_key_heads * size;
    const int64_t longest = round_up(*std::max_element(lengths_N, lengths_N + num_documents), LANES);
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> keys_across(size * longest), values_across(size * longest);
        std::vector<float> keys(longest * size), queries(longest * size), grads(longest * size);
        std::vector<float> grad_queries(longest * size), grad_keys(longest * size), grad_values(longest * size);
        std::vector<float> shares(longest * longest), grad_scores(longest * longest);
#pragma omp for schedule(dynamic, 1)
        for (int64_t task = 0; task < num_documents * heads.num_key_heads; ++task) {
            const int64_t n = task / heads.num_key_heads, k = task % heads.num_key_heads;
            const int64_t start = starts_N[n], length = lengths_N[n], padded = round_up(length, LANES);
            const int64_t key_head = start * key_row + k * size;
            gather_transposed(key_TKD + key_head, key_row, length, padded, size, keys_across.data());
            gather_transposed(value_TKD + key_head, key_row, length, padded, size, values_across.data());
            gather(key_TKD + key_head, key_row, length, padded, size, keys.data());
            std::fill(grad_keys.begin(), grad_keys.begin() + padded * size, 0.0f);
            std::fill(grad_values.begin(), grad_values.begin() + padded * size, 0.0f);
            for (int64_t h = k * group; h < (k + 1) * group; ++h) {
                const int64_t head = start * query_row + h * size;
                gather(query_THD + head, query_row, length, padded, size, queries.data());
                gather(grad_THD + head, query_row, length, padded, size, grads.data());
                for (int64_t i = 0; i < padded; i += TILE_ROWS) {
                    const int64_t width = round_up(std::min(i + TILE_ROWS, length), LANES);
                    float* share = shares.data() + i * padded;
                    float* grad_score = grad_scores.data() + i * padded;
                    product_rows(queries.data() + i * size, size, 1, keys_across.data(), padded, share, padded, width,
                                 size, false);
                    product_rows(grads.data() + i * size, size, 1, values_across.data(), padded, grad_score, padded,
                                 width, size, false);
                    for (int64_t r = 0; r < TILE_ROWS; ++r, share += padded, grad_score += padded) {
                        const int64_t seen = i + r < length ? i + r + 1 : 0;
                        if (seen) {
                            const T* grad = grad_THD + head + (i + r) * query_row;
                            const T* out = out_THD + head + (i + r) * query_row;
                            const float log_sum = log_sums_TH[(start + i + r) * heads.num_query_heads + h];
                            float dot = 0.0f;
#pragma omp simd reduction(+ : dot)
                            for (int64_t d = 0; d < size; ++d) dot += widen(grad[d]) * widen(out[d]);
#pragma omp simd
                            for (int64_t j = 0; j < seen; ++j) {
                                share[j] = exponential(share[j] * heads.scaling - log_sum);
                                grad_score[j] = (grad_score[j] - dot) * share[j] * heads.scaling;
                            }
                        }
                        std::fill(share + seen, share + padded, 0.0f);
                        std::fill(grad_score + seen, grad_score + padded, 0.0f);
                    }
                    product_rows(grad_scores.data() + i * padded, padded, 1, keys.data(), size,
                                 grad_queries.data() + i * size, size, size, std::min(i + TILE_ROWS, length), false);
                }
                // key j is seen by the queries from j on
                for (int64_t j = 0; j < padded; j += TILE_ROWS) {
                    product_rows(grad_scores.data() + j * padded + j, 1, padded, queries.data() + j * size, size,
                                 grad_keys.data() + j * size, size, size, padded - j, true);
                    product_rows(shares.data() + j * padded + j, 1, padded, grads.data() + j * size, size,
                                 grad_values.data() + j * size, size, size, padded - j, true);
                }
                scatter(grad_queries.data(), query_row, length, size, grad_query_THD + head);
            }
            scatter(grad_keys.data(), key_row, length, size, grad_key_TKD + key_head);
            scatter(grad_values.data(), key_row, length, size, grad_value_TKD + key_head);
        }
    }
}

// softmax attention of tokens whose keys lie anywhere, one (token, key head) at a time: token t sees the keys at the
// lengths_T[t] places from places[starts_T[t]] on
template <class T>
void attention_cached(const T* query_THD, const T* key_NKD, const T* value_NKD, T* out_THD, const int64_t* places,
                      const int64_t* starts_T, const int64_t* lengths_T, int64_t num_tokens, Heads heads, int threads) {
    if (!num_tokens) return;
    const int64_t size = heads.size, group = heads.num_query_heads / heads.num_key_heads;
    const int64_t longest = *std::max_element(lengths_T, lengths_T + num_tokens);
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> queries(group * size), shares(group * longest), sums(group), outs(group * size);
#pragma omp for schedule(dynamic, 1)
        for (int64_t task = 0; task < num_tokens * heads.num_key_heads; ++task) {
            const int64_t t = task / heads.num_key_heads, k = task % heads.num_key_heads;
            const int64_t* at = places + starts_T[t];
            const int64_t length = lengths_T[t], head = (t * heads.num_query_heads + k * group) * size;
#pragma omp simd
            for (int64_t d = 0; d < group * size; ++d) queries[d] = widen(query_THD[head + d]) * heads.scaling;
            for (int64_t j = 0; j < length; ++j) {
                const T* key = key_NKD + (at[j] * heads.num_key_heads + k) * size;
                for (int64_t g = 0; g < group; ++g) {
                    const float* query = queries.data() + g * size;
                    float dot = 0.0f;
#pragma omp simd reduction(+ : dot)
                    for (int64_t d = 0; d < size; ++d) dot += query[d] * widen(key[d]);
                    shares[g * longest + j] = dot;
                }
            }
            for (int64_t g = 0; g < group; ++g) {
                float* row = shares.data() + g * longest;
                float largest = -INFINITY, sum = 0.0f;
#pragma omp simd reduction(max : largest)
                for (int64_t j = 0; j < length; ++j) largest = std::max(largest, row[j]);
#pragma omp simd reduction(+ : sum)
                for (int64_t j = 0; j < length; ++j) {
                    row[j] = exponential(row[j] - largest);
                    sum += row[j];
                }
                sums[g] = sum;
            }
            std::fill(outs.begin(), outs.end(), 0.0f);
            for (int64_t j = 0; j < length; ++j) {
                const T* value = value_NKD + (at[j] * heads.num_key_heads + k) * size;
                for (int64_t g = 0; g < group; ++g) {
                    const float share = shares[g * longest + j];
                    float* out = outs.data() + g * size;
#pragma omp simd
                    for (int64_t d = 0; d < size; ++d) out[d] += share * widen(value[d]);
                }
            }
            for (int64_t g = 0; g < group; ++g) {
                const float inverse = 1.0f / sums[g];
#pragma omp simd
                for (int64_t d = 0; d < size; ++d) narrow(outs[g * size + d] * inverse, out_THD[head + g * size + d]);
            }
        }
    }
}

}  // namespace

#define KERNELS(T, name)                                                                                              \
    extern "C" void rms_norm_forward_##name(const T* x, const T* weight, T* y, float* inverse, int64_t rows,          \
                                            int64_t size, float epsilon, int threads) {                              \
        rms_norm_forward(x, weight, y, inverse, rows, size, epsilon, threads);                                        \
    }                                                                                                                 \
    extern "C" void rms_norm_backward_##name(const T* grad, const T* x, const T* weight, const float* inverse,        \
                                             T* grad_x, float* grad_weight, int64_t rows, int64_t size,               \
                                             int threads) {                                                           \
        rms_norm_backward(grad, x, weight, inverse, grad_x, grad_weight, rows, size, threads);                        \
    }                                                                                                                 \
    extern "C" void swiglu_forward_##name(const T* gate, const T* up, T* out, int64_t count, int threads) {           \
        swiglu_forward(gate, up, out, count, threads);                                                                \
    }                                                                                                                 \
    extern "C" void swiglu_backward_##name(const T* grad, const T* gate, const T* up, T* grad_gate, T* grad_up,       \
                                           int64_t count, int threads) {                                              \
        swiglu_backward(grad, gate, up, grad_gate, grad_up, count, threads);                                          \
    }                                                                                                                 \
    extern "C" void rotate_##name(const T* x, const T* cos, const T* sin, T* out, int64_t rows, int64_t heads,        \
                                  int64_t size, float direction, int threads) {                                       \
        rotate(x, cos, sin, out, rows, heads, size, direction, threads);                                              \
    }                                                                                                                 \
    extern "C" void cross_entropy_##name(T* logits, const int64_t* targets, const float* weights, float* losses,      \
                                         float* correct, int64_t pairs, int64_t size, float smoothing,                \
                                         int wants_gradient, int threads) {                                           \
        cross_entropy(logits, targets, weights, losses, correct, pairs, size, smoothing, wants_gradient, threads);    \
    }                                                                                                                 \
    extern "C" void attention_forward_##name(const T* query, const T* key, const T* value, T* out, float* log_sums,   \
                                             const int64_t* starts, const int64_t* lengths, int64_t documents,        \
                                             int64_t query_heads, int64_t key_heads, int64_t size, float scaling,     \
                                             int threads) {                                                           \
        attention_forward(query, key, value, out, log_sums, starts, lengths, documents,                               \
                          Heads{query_heads, key_heads, size, scaling}, threads);                                     \
    }                                                                                                                 \
    extern "C" void attention_backward_##name(                                                                        \
        const T* grad, const T* query, const T* key, const T* value, const T* out, const float* log_sums,             \
        T* grad_query, T* grad_key, T* grad_value, const int64_t* starts, const int64_t* lengths, int64_t documents,  \
        int64_t query_heads, int64_t key_heads, int64_t size, float scaling, int threads) {                           \
        attention_backward(grad, query, key, value, out, log_sums, grad_query, grad_key, grad_value, starts, lengths, \
                           documents, Heads{query_heads, key_heads, size, scaling}, threads);                         \
    }                                                                                                                 \
    extern "C" void attention_cached_##name(const T* query, const T* key, const T* value, T* out,                     \
                                            const int64_t* places, const int64_t* starts, const int64_t* lengths,     \
                                            int64_t tokens, int64_t query_heads, int64_t key_heads, int64_t size,     \
                                            float scaling, int threads) {                                             \
        attention_cached(query, key, value, out, places, starts, lengths, tokens,                                     \
                         Heads{query_heads, key_heads, size, scaling}, threads);                                      \
    }

KERNELS(float, fp32)
KERNELS(bf16, bf16)
