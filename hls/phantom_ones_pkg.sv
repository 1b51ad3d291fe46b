// What a mask's ones are: how many, whether there are enough, where one is. Sixteen bits, what the LAM looks at in a cycle.
package phantom_ones_pkg;

  function automatic logic two_of(logic [3:0] b);
    return (b[0] && b[1]) || (b[2] && b[3]) || ((b[0] || b[1]) && (b[2] || b[3]));
  endfunction

  // Ones among four bits, as a function of each of them.
  function automatic logic [2:0] ones(logic [3:0] b);
    return {&b, two_of(b) && !(&b), ^b};
  endfunction

  // Such a number, 0 to 4, is at least n. (Not `>=`, which would be a carry chain.)
  function automatic logic reaches(logic [2:0] number, int unsigned n);
    case (n)
      0:       return 1'b1;
      1:       return |number;
      2:       return number[2] || number[1];
      3:       return number[2] || &number[1:0];
      4:       return number[2];
      default: return 1'b0;
    endcase
  endfunction

  // Whether there are at least `n` (up to 5) ones: numbers of quarters first, then what halves have at least, so that each step is a
  // function of six bits or so.
  function automatic logic at_least(logic [15:0] bits, int unsigned n);
    logic [2:0] quarter[4];
    logic [5:0] half[2];  // [k]: at least k
    for (int unsigned q = 0; q < 4; q++) quarter[q] = ones(bits[4*q+:4]);
    for (int unsigned h = 0; h < 2; h++) begin
      for (int unsigned k = 0; k < 6; k++) begin
        half[h][k] = 1'b0;
        for (int unsigned i = 0; i <= k; i++) half[h][k] |= reaches(quarter[2*h], i) && reaches(quarter[2*h+1], k - i);
      end
    end
    at_least = 1'b0;
    for (int unsigned k = 0; k <= n; k++) at_least |= half[0][k] && half[1][n-k];
  endfunction

  // Whether there are at least three: what thirds have, up to three, then all of them, so that both are functions of six bits. (No
  // sums, which would be carry chains.)
  function automatic logic three_of(logic [15:0] bits);
    logic [5:0] third[3];
    logic       one[3], two[3], three[3];  // at least
    third = '{bits[5:0], {1'b0, bits[10:6]}, {1'b0, bits[15:11]}};
    for (int unsigned t = 0; t < 3; t++) begin
      {three[t], two[t], one[t]} = '0;
      for (int unsigned i = 0; i < 6; i++) begin
        {three[t], two[t], one[t]} |= {two[t] && third[t][i], one[t] && third[t][i], third[t][i]};
      end
    end
    return three[0] || three[1] || three[2] || (two[0] && (one[1] || one[2])) || (two[1] && (one[0] || one[2])) ||
           (two[2] && (one[0] || one[1])) || (one[0] && one[1] && one[2]);
  endfunction

  // The sum of two such numbers, each bit as a function of six. (Not `+`, which would be a carry chain.)
  function automatic logic [3:0] sum_of(logic [2:0] a, logic [2:0] b);
    logic carry;
    carry = (a[1] && b[1]) || ((a[1] || b[1]) && a[0] && b[0]);
    return {(a[2] && b[2]) || ((a[2] || b[2]) && carry), a[2] ^ b[2] ^ carry, a[1] ^ b[1] ^ (a[0] && b[0]), a[0] ^ b[0]};
  endfunction

  // As a tree: counts of quarters first, each a function of four bits.
  function automatic logic [4:0] count_of(logic [15:0] bits);
    logic [2:0] quarter[4];
    for (int unsigned q = 0; q < 4; q++) quarter[q] = ones(bits[4*q+:4]);
    return 5'(sum_of(quarter[0], quarter[1])) + 5'(sum_of(quarter[2], quarter[3]));
  endfunction

  function automatic logic [3:0] index_of(logic [15:0] one_hot);
    index_of = '0;
    for (int unsigned i = 0; i < 16; i++) if (one_hot[i]) index_of |= 4'(i);
  endfunction

endpackage
