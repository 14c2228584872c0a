"""WebShop (Yao et al. 2022): find and buy the product an instruction asks for."""
