//! Amounts, rates, usage meters and the price book: integer money, pure.
