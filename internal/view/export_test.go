package view

// UsualUnifiedOrder is the order that is read in another way than any other.
func UsualUnifiedOrder() ListOrder { return usualUnifiedOrder() }
